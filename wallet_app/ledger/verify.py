"""Verifying the ledger: what must always be true of accounts, entries and holds, asked of every row there is.

Each check is one set-based statement that returns a message and ids for each break, and no row when all is well. Being
one statement it sees one moment of the database, so that money on its way never looks like a break; that all checks see
the same moment is up to the session. The numbers are those of "What must always be true" in ``docs/architecture.md``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Break:
    """One place where an invariant does not hold. ``ids`` name the rows: account, transaction, entry or hold."""

    invariant: int
    message: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A statement that selects ``message`` and ``ids`` (text[]) of every break of ``invariant``."""

    invariant: int
    statement: str


ZERO_SUM = Check(
    1,
    """
    SELECT CASE WHEN transaction_id IS NULL
                THEN format('all entries in %s together sum to %s, not to zero', currency, sum(amount))
                ELSE format('the entries of a transaction sum to %s %s, not to zero', sum(amount), currency) END,
           CASE WHEN transaction_id IS NULL THEN ARRAY[currency] ELSE ARRAY[transaction_id::text] END
    FROM entries GROUP BY GROUPING SETS ((transaction_id, currency), (currency)) HAVING sum(amount) <> 0
    """,
)

FLOOR = Check(
    2,
    """
    SELECT format('the balance %s less the held %s is below the floor of %s', balance, held, -overdraft_limit),
           ARRAY[id::text]
    FROM accounts WHERE kind = 'customer' AND balance - held < -overdraft_limit
    """,
)

# A system account's balance is its row and the open deltas.
BALANCES = Check(
    3,
    """
    SELECT CASE
               WHEN a.id IS NULL THEN 'entries or deltas of an account that does not exist'
               WHEN a.kind = 'customer' AND d.amount IS NOT NULL THEN 'deltas on a customer''s account'
               WHEN a.balance + coalesce(d.amount, 0) <> coalesce(e.amount, 0) THEN
                   format('the balance is %s, the entries sum to %s',
                          a.balance + coalesce(d.amount, 0), coalesce(e.amount, 0))
               WHEN a.entry_count <> coalesce(e.numbered, 0) THEN
                   format('the account counts %s entries and has %s', a.entry_count, coalesce(e.numbered, 0))
               ELSE format('the account last moved at %s, its last entry is of %s', a.last_moved_at, e.last_at)
           END,
           ARRAY[coalesce(a.id, e.account_id, d.account_id)::text]
    FROM accounts a
    FULL JOIN (SELECT account_id, sum(amount) AS amount, count(entry_number) AS numbered, max(created_at) AS last_at
               FROM entries GROUP BY account_id) e ON e.account_id = a.id
    FULL JOIN (SELECT account_id, sum(amount) AS amount FROM system_deltas GROUP BY account_id) d
        ON d.account_id = a.id
    WHERE a.id IS NULL
       OR a.kind = 'customer' AND d.amount IS NOT NULL
       OR a.balance + coalesce(d.amount, 0) <> coalesce(e.amount, 0)
       OR a.entry_count <> coalesce(e.numbered, 0)
       OR a.kind = 'customer' AND e.last_at IS NOT NULL AND (a.last_moved_at < e.last_at) IS NOT FALSE
    """,
)

# A running sum is wrong in one place, or in all after a place; the step from one entry to the next is wrong in one
# place, or in two. Both at once are wrong only where the fault is, and the first fault is always found.
CHAIN = Check(
    3,
    """
    SELECT CASE
               WHEN entry_number <> previous_number + 1 THEN
                   format('entry number %s follows %s', entry_number, previous_number)
               WHEN created_at < previous_at THEN
                   format('entry number %s is of %s, the one before of %s', entry_number, created_at, previous_at)
               ELSE format('the balance after entry number %s is %s, the entries until there sum to %s',
                           entry_number, balance_after, running)
           END,
           ARRAY[account_id::text, id::text]
    FROM (
        SELECT id, account_id, amount, entry_number, balance_after, created_at,
               lag(entry_number, 1, 0::bigint) OVER numbered AS previous_number,
               lag(balance_after, 1, 0::numeric) OVER numbered AS previous_balance,
               lag(created_at) OVER numbered AS previous_at,
               sum(amount) OVER numbered AS running
        FROM entries WHERE entry_number IS NOT NULL
        WINDOW numbered AS (PARTITION BY account_id ORDER BY entry_number, id ROWS UNBOUNDED PRECEDING)
    ) AS chain
    WHERE entry_number <> previous_number + 1
       OR created_at < previous_at
       OR balance_after <> running AND balance_after <> previous_balance + amount
    """,
)

BELONGING = Check(
    3,
    """
    SELECT CASE WHEN e.currency <> a.currency THEN
                    format('an entry in %s on an account in %s', e.currency, a.currency)
                WHEN a.kind = 'customer' THEN 'an entry without a number on a customer''s account'
                ELSE 'a numbered entry on one of the system''s accounts' END,
           ARRAY[e.account_id::text, e.id::text]
    FROM entries e JOIN accounts a ON a.id = e.account_id
    WHERE e.currency <> a.currency OR (a.kind = 'customer') <> (e.entry_number IS NOT NULL)
    """,
)

HELD = Check(
    5,
    """
    SELECT format('the account holds %s, its open holds add up to %s', a.held, coalesce(h.remaining, 0)),
           ARRAY[a.id::text]
    FROM accounts a
    LEFT JOIN (SELECT account_id, sum(amount - captured_amount) AS remaining
               FROM holds WHERE status = 'open' GROUP BY account_id) h ON h.account_id = a.id
    WHERE a.held <> coalesce(h.remaining, 0)
    """,
)

HOLDS = Check(
    5,
    """
    SELECT CASE
               WHEN h.captured_amount < 0 OR h.captured_amount > h.amount THEN
                   format('%s captured of a hold of %s', h.captured_amount, h.amount)
               WHEN a.id IS NULL OR h.currency <> a.currency THEN 'a hold in another currency than its account''s'
               ELSE format('a hold that is %s with %s of %s captured; its movements add up to %s',
                           h.status, h.captured_amount, h.amount, coalesce(m.delta, 0))
           END,
           ARRAY[h.account_id::text, h.id::text]
    FROM holds h
    LEFT JOIN accounts a ON a.id = h.account_id
    LEFT JOIN (SELECT hold_id, account_id, sum(delta) AS delta FROM hold_movements GROUP BY hold_id, account_id) m
        ON m.hold_id = h.id AND m.account_id = h.account_id
    WHERE h.captured_amount < 0 OR h.captured_amount > h.amount
       OR a.id IS NULL OR h.currency <> a.currency
       OR coalesce(m.delta, 0) <> CASE WHEN h.status = 'open' THEN h.amount - h.captured_amount ELSE 0 END
    """,
)

HOLD_CHAIN = Check(
    5,
    """
    SELECT CASE
               WHEN hold_id IS NULL THEN 'a movement of a hold that does not exist on this account'
               WHEN created_at < previous_at THEN
                   format('a movement of %s after one of %s', created_at, previous_at)
               ELSE format('%s held after a movement, the movements until there sum to %s', held_after, running)
           END,
           ARRAY[account_id::text, id::text]
    FROM (
        SELECT m.id, m.account_id, m.delta, m.held_after, m.created_at, h.id AS hold_id,
               lag(m.held_after, 1, 0::numeric) OVER moved AS previous_held,
               lag(m.created_at) OVER moved AS previous_at,
               sum(m.delta) OVER moved AS running
        FROM hold_movements m LEFT JOIN holds h ON h.id = m.hold_id AND h.account_id = m.account_id
        WINDOW moved AS (PARTITION BY m.account_id ORDER BY m.id ROWS UNBOUNDED PRECEDING)
    ) AS chain
    WHERE hold_id IS NULL
       OR created_at < previous_at
       OR held_after <> running AND held_after <> previous_held + delta
    """,
)

CHECKS = (ZERO_SUM, FLOOR, BALANCES, CHAIN, BELONGING, HELD, HOLDS, HOLD_CHAIN)


def verify_ledger(session: Session) -> list[Break]:
    """Every break of invariants 1 (zero sum), 2 (floor), 3 (balances and numbers) and 5 (holds)."""
    return run_checks(session, CHECKS)


def run_checks(session: Session, checks: Iterable[Check]) -> list[Break]:
    """Run ``checks`` in turn, and gather what they find."""
    return [
        Break(check.invariant, message, tuple(ids))
        for check in checks
        for message, ids in session.execute(text(check.statement))
    ]
