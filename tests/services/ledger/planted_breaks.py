"""Faults to plant in the books, each the break of one invariant. ``test_verify.py`` plants them."""

from collections.abc import Sequence
from dataclasses import dataclass

STRANGER = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Plant:
    """A fault: statements that make it, and the ids (names in the books) of each break that it is."""

    name: str
    invariant: int
    statements: Sequence[str]
    breaks: Sequence[tuple[str, ...]]

    def __str__(self) -> str:
        return f"{self.invariant}-{self.name.replace(' ', '-')}"


PLANTS = [
    Plant(
        "an entry without its pair",
        1,
        [
            "INSERT INTO entries (id, transaction_id, account_id, currency, amount, created_at)"
            " SELECT gen_random_uuid(), id, %(cash_usd)s, 'USD', 1, completed_at FROM transactions WHERE id = %(sent)s",
            "INSERT INTO system_deltas (account_id, amount) VALUES (%(cash_usd)s, 1)",
        ],
        [("sent",), ("USD",)],
    ),
    Plant(
        "a pair in two currencies",
        1,
        [
            "UPDATE accounts SET currency = 'EUR', is_primary = false WHERE id = %(bo)s",
            "UPDATE entries SET currency = 'EUR' WHERE id IN (%(bo1)s, %(bo2)s, %(bo3)s)",
            "UPDATE transactions SET converted_amount = amount, converted_currency = 'EUR'"
            " WHERE id IN (%(sent)s, %(given_back)s, %(back)s)",
        ],
        [("sent",), ("sent",), ("given_back",), ("given_back",), ("back",), ("back",), ("USD",), ("EUR",)],
    ),
    Plant("overdrawn", 2, ["ALTER TABLE accounts DROP CONSTRAINT accounts_floor", "pay out 1000"], [("ana",)]),
    Plant(
        "a floor above the balance",
        2,
        [
            "ALTER TABLE accounts DROP CONSTRAINT accounts_floor, DROP CONSTRAINT accounts_overdraft_limit",
            "UPDATE accounts SET overdraft_limit = -31 WHERE id = %(bo)s",
        ],
        [("bo",)],
    ),
    Plant("a balance", 3, ["UPDATE accounts SET balance = balance + 1 WHERE id = %(ana)s"], [("ana",)]),
    Plant(
        "a system balance", 3, ["UPDATE accounts SET balance = balance + 1 WHERE id = %(cash_usd)s"], [("cash_usd",)]
    ),
    Plant("a lost delta", 3, ["DELETE FROM system_deltas WHERE account_id = %(cash_usd)s"], [("cash_usd",)]),
    Plant(
        "a delta folded twice",
        3,
        [
            "UPDATE accounts SET balance = balance + 5 WHERE id = %(cash_usd)s",
        ],
        [("cash_usd",)],
    ),
    Plant("a delta of a customer", 3, ["INSERT INTO system_deltas (account_id, amount) VALUES (%(bo)s, 1)"], [("bo",)]),
    Plant(
        "a delta of nobody",
        3,
        [f"INSERT INTO system_deltas (account_id, amount) VALUES ('{STRANGER}', 1)"],
        [(STRANGER,)],
    ),
    Plant(
        "an entry of nobody",
        3,
        [
            f"UPDATE entries SET account_id = '{STRANGER}'"
            " WHERE transaction_id = %(topped_up)s AND account_id = %(cash_usd)s",
        ],
        [("cash_usd",), (STRANGER,)],
    ),
    Plant("an entry count", 3, ["UPDATE accounts SET entry_count = entry_count + 1 WHERE id = %(ana)s"], [("ana",)]),
    Plant("a gap", 3, ["UPDATE entries SET entry_number = 9 WHERE id = %(ana5)s"], [("ana", "ana5")]),
    Plant(
        "a first number that is not one",
        3,
        ["UPDATE entries SET entry_number = 2 WHERE id = %(ana_eur1)s"],
        [("ana_eur", "ana_eur1")],
    ),
    Plant(
        "a number twice",
        3,
        [
            "ALTER TABLE entries DROP CONSTRAINT entries_once_per_number",
            "UPDATE entries SET entry_number = 4 WHERE id = %(ana5)s",
        ],
        [("ana", "ana5")],
    ),
    Plant(
        "a balance after in the middle",
        3,
        ["UPDATE entries SET balance_after = balance_after + 1 WHERE id = %(ana2)s"],
        [("ana", "ana2")],
    ),
    Plant(
        "a last balance after",
        3,
        ["UPDATE entries SET balance_after = balance_after + 1 WHERE id = %(ana5)s"],
        [("ana", "ana5")],
    ),
    Plant(
        "a time that goes back",
        3,
        [
            "UPDATE entries SET created_at = created_at - interval '1 hour' WHERE transaction_id = %(paid_out)s",
            "UPDATE transactions SET completed_at = completed_at - interval '1 hour' WHERE id = %(paid_out)s",
        ],
        [("ana", "ana5")],
    ),
    Plant(
        "an account that moved before its last entry",
        3,
        ["UPDATE accounts SET last_moved_at = last_moved_at - interval '1 hour' WHERE id = %(bo)s"],
        [("bo",)],
    ),
    Plant(
        "a currency",
        3,
        ["UPDATE accounts SET currency = 'USD', is_primary = false WHERE id = %(ana_eur)s"],
        [("ana_eur", "ana_eur1")],
    ),
    Plant(
        "an entry of the system with a number",
        3,
        [
            "UPDATE entries SET entry_number = 1, balance_after = amount"
            " WHERE transaction_id = %(in_euro)s AND account_id = %(cash_eur)s",
            "UPDATE accounts SET entry_count = 1 WHERE id = %(cash_eur)s",
        ],
        [("cash_eur", "*")],
    ),
    Plant("a held amount", 5, ["UPDATE accounts SET held = held + 1 WHERE id = %(ana)s"], [("ana",)]),
    Plant(
        "a hold that was raised",
        5,
        ["UPDATE holds SET amount = amount + 1 WHERE id = %(hold)s"],
        [("ana",), ("ana", "hold")],
    ),
    Plant(
        "a hold that was opened again",
        5,
        ["UPDATE holds SET status = 'open' WHERE id = %(released)s"],
        [("ana",), ("ana", "released")],
    ),
    Plant(
        "captured above the amount",
        5,
        [
            "ALTER TABLE holds DROP CONSTRAINT holds_captured",
            "UPDATE holds SET captured_amount = amount + 1 WHERE id = %(released)s",
        ],
        [("ana", "released")],
    ),
    Plant("a hold's currency", 5, ["UPDATE holds SET currency = 'EUR' WHERE id = %(hold)s"], [("ana", "hold")]),
    Plant("a lost movement", 5, ["DELETE FROM hold_movements WHERE id = %(m4)s"], [("ana", "released")]),
    Plant(
        "a held after", 5, ["UPDATE hold_movements SET held_after = held_after + 1 WHERE id = %(m2)s"], [("ana", "m2")]
    ),
    Plant(
        "a movement that goes back in time",
        5,
        ["UPDATE hold_movements SET created_at = created_at - interval '1 hour' WHERE id = %(m4)s"],
        [("ana", "m4")],
    ),
    Plant(
        "a movement of no hold",
        5,
        [
            "INSERT INTO hold_movements (hold_id, account_id, delta, held_after, created_at)"
            f" VALUES ('{STRANGER}', %(ana)s, 1, 16, now()), ('{STRANGER}', %(ana)s, -1, 15, now())"
        ],
        [("ana", "*"), ("ana", "*")],
    ),
    Plant(
        "refunded above the amount",
        7,
        [
            "ALTER TABLE transactions DROP CONSTRAINT transactions_refunded",
            "UPDATE transactions SET refunded_amount = amount + 1 WHERE id = %(topped_up)s",
        ],
        [("topped_up",)],
    ),
    Plant(
        "a refund noted and not made",
        7,
        ["UPDATE transactions SET refunded_amount = 1 WHERE id = %(topped_up)s"],
        [("topped_up",)],
    ),
    Plant("refunds above the amount", 7, ["refund 16 of sent", "refund 16 of sent"], [("sent",)]),
    Plant(
        "reversed twice",
        7,
        ["DROP INDEX transactions_one_reversal", "reverse 20 of given_back"],
        [("given_back", "back", "planted")],
    ),
    Plant(
        "reversed without a reversal",
        7,
        ["UPDATE transactions SET status = 'reversed' WHERE id = %(sent)s"],
        [("sent",)],
    ),
    Plant(
        "a reversal whose original stayed completed",
        7,
        ["UPDATE transactions SET status = 'completed' WHERE id = %(given_back)s"],
        [("given_back", "back")],
    ),
    Plant(
        "reversed and refunded",
        7,
        [
            "ALTER TABLE transactions DROP CONSTRAINT transactions_refunded_or_reversed",
            "refund 1 of given_back",
            "UPDATE transactions SET refunded_amount = 1 WHERE id = %(given_back)s",
        ],
        [("given_back", "back", "planted")],
    ),
    Plant(
        "a reversal of a reversal",
        7,
        ["take back 20 of back"],
        [("back", "planted")],
    ),
    Plant(
        "a reversal of a part",
        7,
        ["reverse 10 of sent", "UPDATE transactions SET status = 'reversed' WHERE id = %(sent)s"],
        [("sent", "planted")],
    ),
    Plant(
        "pending with entries",
        8,
        ["UPDATE transactions SET status = 'pending', completed_at = NULL WHERE id = %(sent)s"],
        [("sent",)],
    ),
    Plant(
        "completed without entries",
        8,
        [
            "INSERT INTO transactions (id, type, status, amount, currency, initiated_by, created_at, updated_at,"
            f" completed_at) VALUES ('{STRANGER}', 'fee', 'completed', 1, 'USD', %(user)s, now(), now(), now())"
        ],
        [(STRANGER,)],
    ),
    Plant(
        "completed at another time",
        8,
        ["UPDATE transactions SET completed_at = completed_at + interval '1 second' WHERE id = %(sent)s"],
        [("sent",)],
    ),
    Plant(
        "completed without a time",
        8,
        [
            "ALTER TABLE transactions DROP CONSTRAINT transactions_completed",
            "UPDATE transactions SET completed_at = NULL WHERE id = %(sent)s",
        ],
        [("sent",)],
    ),
    Plant("entries without a transaction", 8, ["DELETE FROM transactions WHERE id = %(sent)s"], [("sent",)]),
    Plant(
        "another amount",
        8,
        ["UPDATE transactions SET amount = amount + 1 WHERE id = %(sent)s"],
        [("sent", "ana"), ("sent", "bo")],
    ),
    Plant(
        "another party",
        8,
        ["UPDATE transactions SET destination_account_id = %(ana_eur)s WHERE id = %(sent)s"],
        [("sent", "ana_eur"), ("sent", "bo")],
    ),
    Plant(
        "no party",
        8,
        ["UPDATE transactions SET destination_account_id = NULL WHERE id = %(topped_up)s"],
        [("topped_up", "ana")],
    ),
]
