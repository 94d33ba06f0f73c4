"""The ledger: accounts, access, entries, holds, deltas of system accounts, and what must always be true of them."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE accounts (
    id              uuid PRIMARY KEY,
    number          text NOT NULL UNIQUE,
    kind            text NOT NULL,
    user_id         uuid REFERENCES users (id),
    currency        text NOT NULL,
    label           text,
    status          text NOT NULL DEFAULT 'active',
    freeze_scope    text,
    is_primary      boolean NOT NULL DEFAULT false,
    balance         numeric(28, 4) NOT NULL DEFAULT 0,
    held            numeric(28, 4) NOT NULL DEFAULT 0,
    overdraft_limit numeric(18, 4) NOT NULL DEFAULT 0,
    entry_count     bigint NOT NULL DEFAULT 0,
    version         integer NOT NULL DEFAULT 1,
    last_moved_at   timestamptz,
    created_at      timestamptz NOT NULL,
    closed_at       timestamptz,
    -- What an entry refers to, so that none is kept in another currency than its account.
    CONSTRAINT accounts_id_currency_key UNIQUE (id, currency),
    CONSTRAINT accounts_kind CHECK (
        kind IN ('customer', 'cash', 'fees', 'fx', 'merchant_settlement', 'suspense')),
    CONSTRAINT accounts_owner CHECK ((kind = 'customer') = (user_id IS NOT NULL)),
    CONSTRAINT accounts_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT accounts_status CHECK (status IN ('active', 'frozen', 'closed')),
    CONSTRAINT accounts_freeze CHECK (
        (status = 'frozen') = (freeze_scope IS NOT NULL)
        AND (freeze_scope IS NULL OR freeze_scope IN ('debit', 'all'))),
    CONSTRAINT accounts_held CHECK (held >= 0),
    CONSTRAINT accounts_overdraft_limit CHECK (overdraft_limit >= 0),
    CONSTRAINT accounts_floor CHECK (kind <> 'customer' OR balance - held >= -overdraft_limit),
    CONSTRAINT accounts_closed CHECK (
        (status = 'closed') = (closed_at IS NOT NULL) AND (status <> 'closed' OR (balance = 0 AND held = 0)))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX accounts_one_primary ON accounts (user_id, currency) WHERE is_primary;
CREATE UNIQUE INDEX accounts_one_of_each_system_kind ON accounts (kind, currency) WHERE kind <> 'customer';
CREATE INDEX accounts_of_user ON accounts (user_id, created_at DESC, id DESC);
CREATE INDEX accounts_newest ON accounts (created_at DESC, id DESC);

CREATE TABLE account_access (
    account_id uuid NOT NULL REFERENCES accounts (id),
    user_id    uuid NOT NULL REFERENCES users (id),
    access     text NOT NULL,
    granted_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, user_id),
    CONSTRAINT account_access_access CHECK (access IN ('viewer', 'operator'))
);
CREATE INDEX account_access_of_user ON account_access (user_id);

CREATE TABLE entries (
    id             uuid NOT NULL,
    transaction_id uuid NOT NULL,
    account_id     uuid NOT NULL,
    currency       text NOT NULL,
    amount         numeric(18, 4) NOT NULL,
    entry_number   bigint,
    balance_after  numeric(28, 4),
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (transaction_id, id),
    CONSTRAINT entries_account_id_fkey FOREIGN KEY (account_id, currency) REFERENCES accounts (id, currency),
    CONSTRAINT entries_amount CHECK (amount <> 0),
    CONSTRAINT entries_numbered CHECK ((entry_number IS NULL) = (balance_after IS NULL)),
    CONSTRAINT entries_once_per_number UNIQUE (account_id, entry_number)
);
CREATE INDEX entries_by_time ON entries (account_id, created_at);

CREATE TABLE holds (
    id              uuid PRIMARY KEY,
    account_id      uuid NOT NULL REFERENCES accounts (id),
    amount          numeric(18, 4) NOT NULL,
    captured_amount numeric(18, 4) NOT NULL DEFAULT 0,
    currency        text NOT NULL,
    status          text NOT NULL DEFAULT 'open',
    description     text,
    created_by      uuid NOT NULL REFERENCES users (id),
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    CONSTRAINT holds_amount CHECK (amount > 0),
    CONSTRAINT holds_captured CHECK (captured_amount >= 0 AND captured_amount <= amount),
    CONSTRAINT holds_status CHECK (status IN ('open', 'captured', 'released', 'expired'))
);
CREATE INDEX holds_of_account ON holds (account_id, created_at DESC, id DESC);
CREATE INDEX holds_open_by_expiry ON holds (expires_at) WHERE status = 'open';

CREATE TABLE hold_movements (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hold_id    uuid NOT NULL REFERENCES holds (id),
    account_id uuid NOT NULL REFERENCES accounts (id),
    delta      numeric(18, 4) NOT NULL,
    held_after numeric(28, 4) NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT hold_movements_delta CHECK (delta <> 0),
    CONSTRAINT hold_movements_held_after CHECK (held_after >= 0)
);
CREATE INDEX hold_movements_by_time ON hold_movements (account_id, created_at, id);

-- What purchases and top-ups did to system accounts since the last fold; see ledger/posting.py.
CREATE TABLE system_deltas (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL,
    amount     numeric(18, 4) NOT NULL
);
CREATE INDEX system_deltas_of_account ON system_deltas (account_id) INCLUDE (amount);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER hold_movements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hold_movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER accounts_stay BEFORE DELETE OR TRUNCATE ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- What an account is may be read without a lock, because it never changes.
CREATE TRIGGER accounts_facts_stay BEFORE UPDATE OF id, number, kind, user_id, currency ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER holds_stay BEFORE DELETE OR TRUNCATE ON holds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER users_stay BEFORE DELETE OR TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER system_deltas_are_folded BEFORE UPDATE OR TRUNCATE ON system_deltas
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_hold_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'open' OR NEW.captured_amount < OLD.captured_amount
       OR (OLD.id, OLD.account_id, OLD.amount, OLD.currency, OLD.created_by, OLD.created_at, OLD.expires_at)
       IS DISTINCT FROM
       (NEW.id, NEW.account_id, NEW.amount, NEW.currency, NEW.created_by, NEW.created_at, NEW.expires_at) THEN
        RAISE EXCEPTION 'hold % may not be changed in this way', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'holds_facts_stay';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER holds_change BEFORE UPDATE ON holds FOR EACH ROW EXECUTE FUNCTION check_hold_change();

-- Its plan is kept for the session, and must not be the scan that pays on an empty table.
CREATE FUNCTION check_entries_sum_to_zero() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (SELECT FROM entries WHERE transaction_id = NEW.transaction_id
               GROUP BY currency HAVING sum(amount) <> 0) THEN
        RAISE EXCEPTION 'entries of transaction % do not sum to zero', NEW.transaction_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_sum_to_zero';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER entries_sum_to_zero AFTER INSERT ON entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_entries_sum_to_zero();
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(
        "DROP TABLE system_deltas, hold_movements, holds, entries, account_access, accounts;"
        "DROP TRIGGER users_stay ON users;"
        "DROP FUNCTION check_entries_sum_to_zero(); DROP FUNCTION check_hold_change(); DROP FUNCTION refuse_change()"
    )
