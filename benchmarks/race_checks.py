"""What must be true after a race, asked of the database and compared with what the clients were told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

from psycopg2.extensions import cursor as Cursor

from benchmarks.customers import Customer
from benchmarks.server import connect
from benchmarks.storm import AMOUNT, Attempt


@dataclass(slots=True)
class Violations:
    """How often each promise was broken; all zero is what we want."""

    lost: int = 0
    doubled: int = 0
    refused_but_moved: int = 0
    negative: int = 0
    wrong_balances: int = 0
    total_changed: int = 0
    unpaired: int = 0
    changed_replays: int = 0
    unexpected_answers: int = 0
    unanswered: int = 0
    ledger_unclean: int = 0

    @property
    def total(self) -> int:
        """All of them together."""
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def harm(self) -> int:
        """Those that hurt money, whatever the answers looked like."""
        return self.lost + self.doubled + self.negative + self.wrong_balances + self.total_changed


def check_database(
    url: str, run: str, attempts: Sequence[Attempt], customers: Sequence[Customer], opening: Decimal
) -> Violations:
    """Compares the database with the answers; `opening` is what each customer began with, in USD."""
    ids = [customer.account_id for customer in customers]
    found = Violations()
    with connect(url) as connection, connection.cursor() as cursor:
        made = _read_transfers(cursor, run)
        _check_attempts(found, attempts, made)
        _check_accounts(cursor, found, ids, _expect_balances(attempts, made, ids, opening), opening)
        found.unpaired = _count(
            cursor,
            """SELECT count(*) FROM (
                   SELECT t.id FROM transactions t LEFT JOIN entries e ON e.transaction_id = t.id
                   WHERE t.description LIKE %s AND t.status = 'completed'
                   GROUP BY t.id HAVING count(e.id) <> 2 OR sum(e.amount) <> 0) AS broken""",
            [f"{run}-%"],
        )
    return found


def _read_transfers(cursor: Cursor, run: str) -> dict[str, list[str]]:
    """The ids of the run's transactions, by the key each was sent with."""
    cursor.execute("SELECT description, id::text FROM transactions WHERE description LIKE %s", [f"{run}-%"])
    made: dict[str, list[str]] = defaultdict(list)
    for key, transaction_id in cursor.fetchall():
        made[key].append(transaction_id)
    return made


def _check_attempts(found: Violations, attempts: Iterable[Attempt], made: dict[str, list[str]]) -> None:
    for attempt in attempts:
        rows = made.get(attempt.key, [])
        found.doubled += len(rows) > 1
        if attempt.is_acknowledged:
            found.lost += attempt.transaction_id not in rows
        elif attempt.status:
            found.refused_but_moved += len(rows)
        else:
            found.unanswered += 1


def _expect_balances(
    attempts: Iterable[Attempt], made: dict[str, list[str]], ids: Sequence[str], opening: Decimal
) -> dict[str, Decimal]:
    """Every balance as the clients' own notes have it; what got no answer counts if it was made."""
    moved: Counter[str] = Counter()
    for attempt in attempts:
        if attempt.status == 201 or (not attempt.status and attempt.key in made):
            moved[ids[attempt.source]] -= 1
            moved[ids[attempt.destination]] += 1
    return {account_id: opening + moved[account_id] * Decimal(AMOUNT) for account_id in ids}


def _check_accounts(
    cursor: Cursor, found: Violations, ids: Sequence[str], expected: dict[str, Decimal], opening: Decimal
) -> None:
    cursor.execute(
        "SELECT id::text, balance, balance - held < -overdraft_limit FROM accounts WHERE id = ANY (%s::uuid[])",
        [ids],
    )
    rows = cursor.fetchall()
    found.wrong_balances = sum(balance != expected[account_id] for account_id, balance, _ in rows)
    found.negative = sum(below for _, _, below in rows) + _count(
        cursor,
        "SELECT count(*) FROM entries WHERE account_id = ANY (%s::uuid[]) AND balance_after < 0",
        [ids],
    )
    found.total_changed = int(sum(balance for _, balance, _ in rows) != opening * len(ids))


def _count(cursor: Cursor, statement: str, parameters: list[object]) -> int:
    cursor.execute(statement, parameters)
    row = cursor.fetchone()
    return int(row[0]) if row else 0
