"""Verifying transactions: that each has the entries it tells of, and that refunds and reversals add up."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from wallet_app.extensions import db
from wallet_app.ledger.verify import Break, Check, run_checks, verify_ledger

# Its own first statement; the limits of a money move are not for a walk over the whole database.
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_UNHURRIED = "SET LOCAL statement_timeout = 0; SET LOCAL work_mem = '64MB'"

REFUNDS = Check(
    7,
    """
    SELECT CASE WHEN o.refunded_amount > o.amount OR r.total > o.amount THEN
                    format('%s refunded of %s', greatest(o.refunded_amount, r.total), o.amount)
                ELSE format('%s noted as refunded, the refunds add up to %s', o.refunded_amount, coalesce(r.total, 0))
           END,
           ARRAY[o.id::text]
    FROM transactions o
    LEFT JOIN (SELECT original_transaction_id AS id, sum(amount) AS total FROM transactions
               WHERE type = 'refund' AND status = 'completed' GROUP BY original_transaction_id) r ON r.id = o.id
    WHERE o.refunded_amount > o.amount OR o.refunded_amount <> coalesce(r.total, 0)
    """,
)

# Refund and reversal exclude each other, and neither takes back what already gives back.
REVERSALS = Check(
    7,
    """
    SELECT CASE
               WHEN r.reversals > 1 THEN format('reversed %s times', r.reversals)
               WHEN (o.status = 'reversed') <> (coalesce(r.completed, 0) > 0) THEN
                   format('%s, with %s completed reversals', o.status, coalesce(r.completed, 0))
               WHEN r.reversals > 0 AND (r.refunds > 0 OR o.refunded_amount > 0) THEN 'both refunded and reversed'
               ELSE format('a %s that was taken back itself', o.type)
           END,
           ARRAY[o.id::text] || coalesce(r.ids, '{}')
    FROM transactions o
    LEFT JOIN (SELECT original_transaction_id AS id,
                      count(*) FILTER (WHERE type = 'reversal') AS reversals,
                      count(*) FILTER (WHERE type = 'reversal' AND status = 'completed') AS completed,
                      count(*) FILTER (WHERE type = 'refund') AS refunds,
                      array_agg(id::text ORDER BY id) AS ids
               FROM transactions WHERE type IN ('refund', 'reversal')
               GROUP BY original_transaction_id) r ON r.id = o.id
    WHERE r.reversals > 1
       OR (o.status = 'reversed') <> (coalesce(r.completed, 0) > 0)
       OR r.reversals > 0 AND (r.refunds > 0 OR o.refunded_amount > 0)
       OR r.id IS NOT NULL AND o.type IN ('refund', 'reversal', 'adjustment')
    """,
)

OPPOSITES = Check(
    7,
    """
    SELECT DISTINCT
           'the entries of a reversal are not the opposite of its original''s',
           ARRAY[original_id::text, id::text]
    FROM (
        SELECT r.id, r.original_transaction_id AS original_id, e.account_id, e.currency, -e.amount AS amount, 1 AS side
        FROM transactions r JOIN entries e ON e.transaction_id = r.original_transaction_id
        WHERE r.type = 'reversal' AND r.status = 'completed'
        UNION ALL
        SELECT r.id, r.original_transaction_id, e.account_id, e.currency, e.amount, -1
        FROM transactions r JOIN entries e ON e.transaction_id = r.id
        WHERE r.type = 'reversal' AND r.status = 'completed'
    ) AS legs
    GROUP BY id, original_id, account_id, currency, amount HAVING sum(side) <> 0
    """,
)

STATUSES = Check(
    8,
    """
    SELECT CASE
               WHEN t.id IS NULL THEN 'entries without a transaction'
               WHEN t.status IN ('completed', 'reversed') AND p.id IS NULL THEN format('%s, without entries', t.status)
               WHEN t.status IN ('pending', 'failed') AND p.id IS NOT NULL THEN format('%s, with entries', t.status)
               WHEN (t.status IN ('completed', 'reversed')) <> (t.completed_at IS NOT NULL) THEN
                   format('%s, completed at %s', t.status, coalesce(t.completed_at::text, 'no time'))
               ELSE format('completed at %s, with entries of %s to %s', t.completed_at, p.first_at, p.last_at)
           END,
           ARRAY[coalesce(t.id, p.id)::text]
    FROM transactions t
    FULL JOIN (SELECT transaction_id AS id, min(created_at) AS first_at, max(created_at) AS last_at
               FROM entries GROUP BY transaction_id) p ON p.id = t.id
    WHERE t.id IS NULL
       OR (t.status IN ('completed', 'reversed')) <> (p.id IS NOT NULL)
       OR (t.status IN ('completed', 'reversed')) <> (t.completed_at IS NOT NULL)
       OR p.first_at <> t.completed_at
       OR p.last_at <> t.completed_at
    """,
)

# What was converted is paid or received in the other currency, at a rate: there only the direction is certain.
PARTIES = Check(
    8,
    """
    SELECT CASE WHEN p.id IS NULL THEN format('entries of %s %s on an account that is no party', n.amount, n.currency)
                WHEN n.id IS NULL THEN format('a party should have moved by %s %s, and did not', p.amount, p.currency)
                ELSE format('a party moved by %s %s instead of %s %s', n.amount, n.currency, p.amount, p.currency) END,
           ARRAY[coalesce(p.id, n.id)::text, coalesce(p.account_id, n.account_id)::text]
    FROM (
        SELECT id, source_account_id AS account_id, -amount AS amount, currency, converted_amount FROM transactions
        WHERE status IN ('completed', 'reversed') AND source_account_id IS NOT NULL
        UNION ALL
        SELECT id, destination_account_id, amount, currency, converted_amount FROM transactions
        WHERE status IN ('completed', 'reversed') AND destination_account_id IS NOT NULL
    ) AS p
    FULL JOIN (
        SELECT e.transaction_id AS id, e.account_id, e.currency, sum(e.amount) AS amount
        FROM entries e JOIN accounts a ON a.id = e.account_id AND a.kind = 'customer'
        JOIN transactions t ON t.id = e.transaction_id AND t.status IN ('completed', 'reversed')
        GROUP BY e.transaction_id, e.account_id, e.currency
    ) AS n ON n.id = p.id AND n.account_id = p.account_id
    WHERE p.id IS NULL OR n.id IS NULL OR sign(n.amount) <> sign(p.amount)
       OR p.converted_amount IS NULL AND (n.amount <> p.amount OR n.currency <> p.currency)
    """,
)

CHECKS = (REFUNDS, REVERSALS, OPPOSITES, STATUSES, PARTIES)


def verify_transactions(session: Session) -> list[Break]:
    """Every break of invariants 7 (refunds and reversals) and 8 (a status and the entries that belong to it)."""
    return run_checks(session, CHECKS)


def run_verification() -> list[Break]:
    """Verify the whole database as it stands at one moment, on a connection of its own; money may move meanwhile."""
    with db.engine.connect() as connection, Session(connection) as session:
        session.execute(text(_SNAPSHOT))
        session.execute(text(_UNHURRIED))
        return verify_ledger(session) + verify_transactions(session)
