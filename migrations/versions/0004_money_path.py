"""The functions of the money path.

They hold the statements of ``transactions/pipeline.py`` that touch rows. PL/pgSQL keeps their plans, where psycopg2
would have each planned afresh, and a list of moves costs as many calls as one. Decisions are not made here.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UPGRADE = """
-- Before every request: the person behind a session that lives.
CREATE FUNCTION find_caller(p_session uuid, p_at timestamptz)
RETURNS TABLE (user_id uuid, role text, status text)
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET lock_timeout = '3s' AS $$
BEGIN
    RETURN QUERY
        SELECT u.id, u.role, u.status FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.id = p_session AND s.revoked_at IS NULL AND s.expires_at > p_at AND u.status <> 'closed';
END $$;

-- The id of the account that a reference names, read without a lock: id, number, owner and kind never change.
CREATE FUNCTION resolve_account(p_kind text, p_value text, p_currency text) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
BEGIN
    CASE p_kind
        WHEN 'id' THEN
            RETURN p_value::uuid;
        WHEN 'number' THEN
            RETURN (SELECT a.id FROM accounts a WHERE a.number = p_value);
        WHEN 'owner' THEN
            RETURN (SELECT a.id FROM accounts a
                    WHERE a.user_id = p_value::uuid AND a.currency = p_currency AND a.is_primary);
        WHEN 'email' THEN
            RETURN (SELECT a.id FROM users u JOIN accounts a ON a.user_id = u.id
                    WHERE u.email = p_value AND a.currency = p_currency AND a.is_primary);
        ELSE
            RETURN (SELECT a.id FROM accounts a
                    WHERE a.kind = p_kind AND a.currency = p_currency AND a.kind <> 'customer');
    END CASE;
END $$;

-- Step 2 of the pipeline. Lock order: owners of debited accounts, then accounts, each sorted by id. System accounts
-- are read but never locked. What is returned is read after the locks, in a statement (and so a snapshot) of its own.
CREATE FUNCTION lock_accounts(
    p_callers uuid[], p_kinds text[], p_values text[], p_currencies text[], p_debited boolean[])
RETURNS TABLE (
    "position" bigint, id uuid, number text, kind text, user_id uuid, currency text, status text, freeze_scope text,
    balance numeric, held numeric, overdraft_limit numeric, entry_count bigint, last_moved_at timestamptz,
    owner_status text, access json)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    v_ids uuid[];
BEGIN
    v_ids := ARRAY(
        SELECT resolve_account(w.kind, w.value, w.currency)
        FROM unnest(p_kinds, p_values, p_currencies) WITH ORDINALITY AS w (kind, value, currency, position)
        ORDER BY w.position);

    PERFORM FROM users u
    WHERE u.id = ANY (ARRAY(
        SELECT a.user_id FROM accounts a
        WHERE a.id = ANY (ARRAY(SELECT w.id FROM unnest(v_ids, p_debited) AS w (id, debited) WHERE w.debited))))
    ORDER BY u.id FOR NO KEY UPDATE;

    PERFORM FROM accounts a WHERE a.id = ANY (v_ids) AND a.kind = 'customer' ORDER BY a.id FOR NO KEY UPDATE;

    RETURN QUERY
        SELECT w.position, a.id, a.number, a.kind, a.user_id, a.currency, a.status, a.freeze_scope,
               a.balance, a.held, a.overdraft_limit, a.entry_count, a.last_moved_at, u.status,
               (SELECT json_object_agg(x.user_id, x.access) FROM account_access x
                WHERE x.account_id = a.id AND x.user_id = ANY (p_callers))
        FROM unnest(v_ids) WITH ORDINALITY AS w (id, position)
        JOIN accounts a ON a.id = w.id
        LEFT JOIN users u ON u.id = a.user_id;
END $$;

-- Step 1: claim the keys, sorted. Whoever loses waits here for the winner (up to lock_timeout), then reads its answer.
-- Claim and answer are committed together: a key without an answer is one that was claimed just now.
CREATE FUNCTION claim_idempotency_keys(
    p_callers uuid[], p_keys text[], p_fingerprints text[], p_at timestamptz)
RETURNS TABLE (caller_id uuid, key text, fingerprint text, response_status smallint, response_body text)
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    v_claimed bigint;
BEGIN
    INSERT INTO idempotency_keys (caller_id, key, fingerprint, created_at)
    SELECT w.caller_id, w.key, w.fingerprint, p_at
    FROM unnest(p_callers, p_keys, p_fingerprints) AS w (caller_id, key, fingerprint) ORDER BY w.caller_id, w.key
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_claimed = ROW_COUNT;

    IF v_claimed < cardinality(p_keys) THEN
        RETURN QUERY
            SELECT i.caller_id, i.key, i.fingerprint, i.response_status, i.response_body
            FROM unnest(p_callers, p_keys) AS w (caller_id, key)
            JOIN idempotency_keys i ON i.caller_id = w.caller_id AND i.key = w.key
            WHERE i.response_status IS NOT NULL;
    END IF;
END $$;

-- Step 5: one set-based statement a table. A part that is NULL has nothing to write.
CREATE FUNCTION write_moves(
    p_transactions json, p_status_changes json, p_entries json, p_balances json, p_system_deltas json,
    p_answers json, p_freed_keys json)
RETURNS void LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    v_changed bigint;
BEGIN
    IF p_transactions IS NOT NULL THEN
        INSERT INTO transactions (
            id, type, status, amount, currency, source_account_id, destination_account_id, description, reason,
            original_transaction_id, metadata, payout_reference, initiated_by, request_id,
            created_at, updated_at, completed_at)
        SELECT id, type, status, amount, currency, source_account_id, destination_account_id, description, reason,
            original_transaction_id, metadata, payout_reference, initiated_by, request_id,
            created_at, updated_at, completed_at
        FROM json_populate_recordset(NULL::transactions, p_transactions);
        INSERT INTO entries (
            id, transaction_id, account_id, currency, amount, entry_number, balance_after, created_at)
        SELECT id, transaction_id, account_id, currency, amount, entry_number, balance_after, created_at
        FROM json_populate_recordset(NULL::entries, p_entries);
        UPDATE accounts a
        SET balance = w.balance, entry_count = w.entry_count, last_moved_at = w.last_moved_at
        FROM json_to_recordset(p_balances)
            AS w (id uuid, balance numeric, entry_count bigint, last_moved_at timestamptz)
        WHERE a.id = w.id;
    END IF;
    IF p_system_deltas IS NOT NULL THEN
        INSERT INTO system_deltas (account_id, amount)
        SELECT w.account_id, w.amount FROM json_to_recordset(p_system_deltas) AS w (account_id uuid, amount numeric);
    END IF;
    IF p_status_changes IS NOT NULL THEN
        UPDATE transactions t SET status = w.new_status, updated_at = w.updated_at
        FROM json_to_recordset(p_status_changes)
            AS w (id uuid, old_status text, new_status text, updated_at timestamptz)
        WHERE t.id = w.id AND t.status = w.old_status;
        GET DIAGNOSTICS v_changed = ROW_COUNT;
        IF v_changed <> json_array_length(p_status_changes) THEN
            RAISE EXCEPTION 'a transaction changed its status meanwhile' USING ERRCODE = 'serialization_failure';
        END IF;
    END IF;
    IF p_answers IS NOT NULL THEN
        UPDATE idempotency_keys i SET response_status = w.status, response_body = w.body
        -- Both columns of the key come from the list, so that the index is probed once for each of its rows.
        FROM json_to_recordset(p_answers) AS w (caller_id uuid, key text, status smallint, body text)
        WHERE i.caller_id = w.caller_id AND i.key = w.key;
    END IF;
    IF p_freed_keys IS NOT NULL THEN
        DELETE FROM idempotency_keys i USING json_to_recordset(p_freed_keys) AS w (caller_id uuid, key text)
        WHERE i.caller_id = w.caller_id AND i.key = w.key;
    END IF;
END $$;
"""

DOWNGRADE = """
DROP FUNCTION write_moves(json, json, json, json, json, json, json);
DROP FUNCTION claim_idempotency_keys(uuid[], text[], text[], timestamptz);
DROP FUNCTION lock_accounts(uuid[], text[], text[], text[], boolean[]);
DROP FUNCTION resolve_account(text, text, text);
DROP FUNCTION find_caller(uuid, timestamptz);
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
