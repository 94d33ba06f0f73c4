"""Transactions, idempotency keys and the audit trail."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE transactions (
    id                      uuid PRIMARY KEY,
    type                    text NOT NULL,
    status                  text NOT NULL,
    amount                  numeric(18, 4) NOT NULL,
    currency                text NOT NULL,
    source_account_id       uuid REFERENCES accounts (id),
    destination_account_id  uuid REFERENCES accounts (id),
    description             text,
    reason                  text,
    merchant_name           text,
    merchant_category       text,
    original_transaction_id uuid REFERENCES transactions (id),
    refunded_amount         numeric(18, 4) NOT NULL DEFAULT 0,
    exchange_rate           numeric(24, 12),
    converted_amount        numeric(18, 4),
    converted_currency      text,
    metadata                jsonb NOT NULL DEFAULT '{}',
    payout_reference        text,
    initiated_by            uuid NOT NULL REFERENCES users (id),
    request_id              text,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    completed_at            timestamptz,
    CONSTRAINT transactions_type CHECK (
        type IN ('transfer', 'top_up', 'withdrawal', 'purchase', 'exchange', 'refund', 'reversal',
                 'adjustment', 'fee')),
    CONSTRAINT transactions_status CHECK (status IN ('pending', 'completed', 'failed', 'reversed')),
    CONSTRAINT transactions_amount CHECK (amount > 0),
    CONSTRAINT transactions_refunded CHECK (refunded_amount >= 0 AND refunded_amount <= amount),
    CONSTRAINT transactions_refunded_or_reversed CHECK (status <> 'reversed' OR refunded_amount = 0),
    CONSTRAINT transactions_completed CHECK (
        (status IN ('completed', 'reversed')) = (completed_at IS NOT NULL)),
    CONSTRAINT transactions_original CHECK (
        (type IN ('refund', 'reversal')) = (original_transaction_id IS NOT NULL) OR type = 'fee'),
    CONSTRAINT transactions_parties CHECK (source_account_id <> destination_account_id)
);
CREATE UNIQUE INDEX transactions_one_reversal ON transactions (original_transaction_id) WHERE type = 'reversal';
CREATE INDEX transactions_of_original ON transactions (original_transaction_id)
    WHERE original_transaction_id IS NOT NULL;
CREATE INDEX transactions_newest ON transactions (created_at DESC, id DESC);
CREATE INDEX transactions_of_source ON transactions (source_account_id, created_at DESC, id DESC)
    WHERE source_account_id IS NOT NULL;
CREATE INDEX transactions_of_destination ON transactions (destination_account_id, created_at DESC, id DESC)
    WHERE destination_account_id IS NOT NULL;

ALTER TABLE entries ADD CONSTRAINT entries_transaction_id_fkey
    FOREIGN KEY (transaction_id) REFERENCES transactions (id);

CREATE TRIGGER transactions_stay BEFORE DELETE OR TRUNCATE ON transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_transaction_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN (('pending', 'completed'), ('pending', 'failed'), ('completed', 'reversed'))
       AND OLD.status <> NEW.status THEN
        RAISE EXCEPTION 'transaction % may not go from % to %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transactions_status_path';
    END IF;
    IF (OLD.id, OLD.type, OLD.amount, OLD.currency, OLD.source_account_id, OLD.destination_account_id,
        OLD.original_transaction_id, OLD.initiated_by, OLD.created_at,
        OLD.exchange_rate, OLD.converted_amount, OLD.converted_currency)
       IS DISTINCT FROM
       (NEW.id, NEW.type, NEW.amount, NEW.currency, NEW.source_account_id, NEW.destination_account_id,
        NEW.original_transaction_id, NEW.initiated_by, NEW.created_at,
        NEW.exchange_rate, NEW.converted_amount, NEW.converted_currency)
       OR (OLD.completed_at IS DISTINCT FROM NEW.completed_at AND OLD.status <> 'pending') THEN
        RAISE EXCEPTION 'what transaction % moved may not be changed', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transactions_facts_stay';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transactions_change BEFORE UPDATE ON transactions
    FOR EACH ROW EXECUTE FUNCTION check_transaction_change();

CREATE TABLE idempotency_keys (
    caller_id       uuid NOT NULL,
    key             text NOT NULL,
    fingerprint     text NOT NULL,
    response_status smallint,
    response_body   text,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (caller_id, key),
    CONSTRAINT idempotency_keys_key CHECK (length(key) BETWEEN 1 AND 255),
    CONSTRAINT idempotency_keys_response CHECK ((response_status IS NULL) = (response_body IS NULL))
);

-- An answer, once given, is given for ever.
CREATE TRIGGER idempotency_answers_stay BEFORE UPDATE OR DELETE ON idempotency_keys
    FOR EACH ROW WHEN (OLD.response_status IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER idempotency_keys_stay BEFORE TRUNCATE ON idempotency_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE audit_events (
    id          uuid PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    actor_id    uuid REFERENCES users (id),
    actor_role  text NOT NULL,
    action      text NOT NULL,
    object_type text NOT NULL,
    object_id   uuid NOT NULL,
    before      jsonb,
    after       jsonb,
    reason      text,
    request_id  text
);
CREATE INDEX audit_events_newest ON audit_events (occurred_at DESC, id DESC);
CREATE INDEX audit_events_of_object ON audit_events (object_id, occurred_at DESC);
CREATE INDEX audit_events_of_actor ON audit_events (actor_id, occurred_at DESC);
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(
        "ALTER TABLE entries DROP CONSTRAINT entries_transaction_id_fkey;"
        "DROP TABLE audit_events, idempotency_keys, transactions;"
        "DROP FUNCTION check_transaction_change()"
    )
