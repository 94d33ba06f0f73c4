"""Folding: what purchases and top-ups did to the system's accounts, taken into the accounts' own rows."""

from sqlalchemy import text
from sqlalchemy.orm import Session

# One statement, so that a delta and the row it went into never count twice, nor neither, in anyone's snapshot. Postings
# only insert deltas, and a second fold waits for the rows this one deletes and then finds them gone: each delta is
# folded once. NO KEY UPDATE is all that the UPDATE takes, so the foreign keys of new entries do not wait for it.
_FOLD = text(
    """
    WITH taken AS (
        DELETE FROM system_deltas RETURNING account_id, amount
    ), sums AS (
        SELECT account_id, sum(amount) AS amount, count(*) AS deltas FROM taken GROUP BY account_id
    ), folded AS (
        UPDATE accounts a SET balance = a.balance + s.amount FROM sums s WHERE a.id = s.account_id
        RETURNING s.deltas
    )
    SELECT coalesce(sum(deltas), 0)::bigint FROM folded
    """
)


def fold_system_deltas(session: Session) -> int:
    """Add the open deltas of every system account to its balance, within a running unit of work; count them."""
    return int(session.execute(_FOLD).scalar_one())
