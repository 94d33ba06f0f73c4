"""The database itself holds the invariants, however wrong the code above it is: raw SQL tries, and is refused."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from tests.raw_sql import query, switch_off_triggers
from tests.services.ledger.books import Books

STATUSES = ("pending", "completed", "failed", "reversed")
LEGAL = {("pending", "completed"), ("pending", "failed"), ("completed", "reversed")}

APPEND_ONLY = {"entries": "amount", "hold_movements": "delta", "audit_events": "reason"}
STAYING = ("accounts", "users", "transactions", "holds")


@dataclass(frozen=True)
class Attempt:
    """Statements of one database transaction, and the constraint or SQLSTATE that must refuse it."""

    name: str
    statements: Sequence[str]
    refused_by: str

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def entry(transaction: str, account: str, amount: str, number: str = "NULL", after: str = "NULL") -> str:
    return (
        "INSERT INTO entries"
        " (id, transaction_id, account_id, currency, amount, entry_number, balance_after, created_at)"
        f" VALUES (gen_random_uuid(), %({transaction})s, %({account})s, 'USD', {amount}, {number}, {after}, now())"
    )


def transaction(columns: str, values: str) -> str:
    return (
        "INSERT INTO transactions (id, type, status, amount, currency, initiated_by, created_at, updated_at, "
        f"completed_at, {columns}) VALUES (gen_random_uuid(), {values})"
    )


def reversal_of(original: str) -> str:
    return transaction(
        "original_transaction_id", f"'reversal', 'completed', 20, 'USD', %(user)s, now(), now(), now(), %({original})s"
    )


GIVEN_ANSWER = (
    "INSERT INTO idempotency_keys (caller_id, key, fingerprint, response_status, response_body, created_at)"
    " VALUES (%(bo)s, 'given', 'f', 201, 'answer', now())"
)

ATTEMPTS = [
    Attempt("1 one entry more on an old transaction", [entry("sent", "cash_usd", "1")], "entries_sum_to_zero"),
    Attempt(
        "1 a transaction that does not balance",
        [entry("sent", "cash_usd", "-2"), entry("sent", "ana", "1", "6", "66")],
        "entries_sum_to_zero",
    ),
    Attempt(
        "1 zero in all but not in each currency",
        [entry("sent", "cash_usd", "-1"), entry("sent", "ana_eur", "1", "2", "11").replace("USD", "EUR")],
        "entries_sum_to_zero",
    ),
    Attempt("1 an entry of nothing", [entry("sent", "cash_usd", "0")], "entries_amount"),
    Attempt("2 overdrawn", ["UPDATE accounts SET balance = -0.01, held = 0 WHERE id = %(bo)s"], "accounts_floor"),
    Attempt("2 held above the balance", ["UPDATE accounts SET held = 30.01 WHERE id = %(bo)s"], "accounts_floor"),
    Attempt(
        "2 an overdraft lowered under the balance",
        [
            "UPDATE accounts SET overdraft_limit = 50, balance = -20 WHERE id = %(bo)s",
            "UPDATE accounts SET overdraft_limit = 19.99 WHERE id = %(bo)s",
        ],
        "accounts_floor",
    ),
    Attempt(
        "2 a negative overdraft",
        ["UPDATE accounts SET overdraft_limit = -1 WHERE id = %(bo)s"],
        "accounts_overdraft_limit",
    ),
    Attempt("5 less than nothing held", ["UPDATE accounts SET held = -1 WHERE id = %(bo)s"], "accounts_held"),
    Attempt(
        "3 an entry number twice",
        [entry("sent", "cash_usd", "-1"), entry("sent", "ana", "1", "5", "66")],
        "entries_once_per_number",
    ),
    Attempt("3 a number without a balance", [entry("sent", "ana", "1", "6")], "entries_numbered"),
    Attempt("3 a balance without a number", [entry("sent", "ana", "1", "NULL", "66")], "entries_numbered"),
    Attempt(
        "3 an entry of no account",
        [entry("sent", "sent", "1", "1", "1")],
        "entries_account_id_fkey",
    ),
    Attempt(
        "3 an entry in another currency than its account's",
        [entry("sent", "ana_eur", "1", "2", "11")],
        "entries_account_id_fkey",
    ),
    Attempt("3 an entry of no transaction", [entry("ana", "ana", "1", "6", "66")], "entries_transaction_id_fkey"),
    Attempt("3 a delta changed", ["UPDATE system_deltas SET amount = 1"], "23001"),
    Attempt("3 deltas thrown away", ["TRUNCATE system_deltas"], "23001"),
    Attempt(
        "6 another answer under an old key",
        [GIVEN_ANSWER, "UPDATE idempotency_keys SET response_body = 'other'"],
        "23001",
    ),
    Attempt("6 an answer forgotten", [GIVEN_ANSWER, "DELETE FROM idempotency_keys"], "23001"),
    Attempt(
        "5 captured above the amount",
        ["UPDATE holds SET captured_amount = amount + 1 WHERE id = %(hold)s"],
        "holds_captured",
    ),
    Attempt(
        "5 a movement of nothing",
        [
            "INSERT INTO hold_movements (hold_id, account_id, delta, held_after, created_at)"
            " VALUES (%(hold)s, %(ana)s, 0, 15, now())"
        ],
        "hold_movements_delta",
    ),
    Attempt(
        "6 a key twice",
        [
            "INSERT INTO idempotency_keys (caller_id, key, fingerprint, created_at)"
            " VALUES (%(user)s, 'k', 'a', now()), (%(user)s, 'k', 'b', now())"
        ],
        "idempotency_keys_pkey",
    ),
    Attempt(
        "6 half an answer",
        [
            "INSERT INTO idempotency_keys (caller_id, key, fingerprint, response_status, created_at)"
            " VALUES (%(user)s, 'k', 'a', 201, now())"
        ],
        "idempotency_keys_response",
    ),
    Attempt("7 a second reversal", [reversal_of("given_back")], "transactions_one_reversal"),
    Attempt(
        "7 refunded above the amount",
        ["UPDATE transactions SET refunded_amount = amount + 0.01 WHERE id = %(sent)s"],
        "transactions_refunded",
    ),
    Attempt(
        "7 a negative refund",
        ["UPDATE transactions SET refunded_amount = -0.01 WHERE id = %(sent)s"],
        "transactions_refunded",
    ),
    Attempt(
        "7 refunded after a reversal",
        ["UPDATE transactions SET refunded_amount = 1 WHERE id = %(given_back)s"],
        "transactions_refunded_or_reversed",
    ),
    Attempt(
        "7 a reversal of nothing",
        [reversal_of("given_back").replace("%(given_back)s", "NULL")],
        "transactions_original",
    ),
    Attempt(
        "8 completed without a time",
        [transaction("reason", "'fee', 'completed', 1, 'USD', %(user)s, now(), now(), NULL, NULL")],
        "transactions_completed",
    ),
    Attempt(
        "8 pending with a time",
        [transaction("reason", "'fee', 'pending', 1, 'USD', %(user)s, now(), now(), now(), NULL")],
        "transactions_completed",
    ),
    Attempt("8 an unknown status", ["UPDATE transactions SET status = 'done' WHERE id = %(sent)s"], "23514"),
    Attempt(
        "8 from oneself to oneself",
        [
            transaction(
                "source_account_id, destination_account_id",
                "'transfer', 'completed', 1, 'USD', %(user)s, now(), now(), now(), %(ana)s, %(ana)s",
            )
        ],
        "transactions_parties",
    ),
    Attempt(
        "a closed account with a balance",
        ["UPDATE accounts SET status = 'closed', closed_at = now() WHERE id = %(bo)s"],
        "accounts_closed",
    ),
    Attempt(
        "a closed account without a time",
        ["UPDATE accounts SET status = 'closed', balance = 0, held = 0 WHERE id = %(bo)s"],
        "accounts_closed",
    ),
    Attempt(
        "two primary accounts in a currency",
        [
            "INSERT INTO accounts (id, number, kind, user_id, currency, is_primary, created_at)"
            " VALUES (gen_random_uuid(), 'another', 'customer', %(user)s, 'USD', true, now())"
        ],
        "accounts_one_primary",
    ),
    Attempt(
        "two cash accounts in a currency",
        [
            "INSERT INTO accounts (id, number, kind, currency, created_at)"
            " VALUES (gen_random_uuid(), 'another', 'cash', 'USD', now())"
        ],
        "accounts_one_of_each_system_kind",
    ),
    Attempt(
        "an account of nobody",
        [
            "INSERT INTO accounts (id, number, kind, currency, created_at)"
            " VALUES (gen_random_uuid(), 'another', 'customer', 'USD', now())"
        ],
        "accounts_owner",
    ),
    Attempt("a freeze without scope", ["UPDATE accounts SET status = 'frozen' WHERE id = %(bo)s"], "accounts_freeze"),
    Attempt(
        "a scope without freeze", ["UPDATE accounts SET freeze_scope = 'all' WHERE id = %(bo)s"], "accounts_freeze"
    ),
    Attempt(
        "an address twice",
        [
            "INSERT INTO users (id, email, full_name, role, timezone, currency, password_hash, created_at, updated_at)"
            " SELECT gen_random_uuid(), email, full_name, role, timezone, currency, password_hash, now(), now()"
            " FROM users WHERE id = %(user)s"
        ],
        "users_email_key",
    ),
    Attempt(
        "an address in capitals",
        ["UPDATE users SET email = 'Ana@example.com' WHERE id = %(user)s"],
        "users_email_ascii",
    ),
    *(
        Attempt(f"4 {verb} on {table}", [statement.format(table=table, column=column)], "23001")
        for table, column in APPEND_ONLY.items()
        for verb, statement in (
            ("UPDATE", "UPDATE {table} SET {column} = {column}"),
            ("DELETE", "DELETE FROM {table}"),
            ("TRUNCATE", "TRUNCATE {table} CASCADE"),
        )
    ),
    *(
        Attempt(f"{verb} on {table}", [statement.format(table=table)], "23001")
        for table in STAYING
        for verb, statement in (("DELETE", "DELETE FROM {table}"), ("TRUNCATE", "TRUNCATE {table} CASCADE"))
    ),
    *(
        Attempt(f"another {column} of an account", [f"UPDATE accounts SET {column} = {value}"], "23001")
        for column, value in (
            ("id", "gen_random_uuid()"),
            ("number", "'1'"),
            ("kind", "'cash'"),
            ("user_id", "%(user)s"),
            ("currency", "'EUR'"),
        )
    ),
    *(
        Attempt(
            f"5 another {column} of a hold",
            [f"UPDATE holds SET {column} = {value} WHERE id = %({hold})s"],
            "holds_facts_stay",
        )
        for column, value, hold in (
            ("amount", "amount + 1", "hold"),
            ("account_id", "%(bo)s", "hold"),
            ("currency", "'EUR'", "hold"),
            ("expires_at", "expires_at + interval '1 day'", "hold"),
            ("captured_amount", "captured_amount - 1", "hold"),
            ("captured_amount", "captured_amount + 1", "released"),
            ("status", "'open'", "released"),
        )
    ),
    *(
        Attempt(
            f"8 another {column} of a transaction",
            [f"UPDATE transactions SET {column} = {value} WHERE id = %(sent)s"],
            "transactions_facts_stay",
        )
        for column, value in (
            ("id", "gen_random_uuid()"),
            ("type", "'withdrawal'"),
            ("amount", "amount + 1"),
            ("currency", "'EUR'"),
            ("source_account_id", "NULL"),
            ("destination_account_id", "%(ana_eur)s"),
            ("initiated_by", "(SELECT user_id FROM accounts WHERE id = %(bo)s)"),
            ("created_at", "created_at - interval '1 day'"),
            ("completed_at", "completed_at + interval '1 day'"),
            ("exchange_rate", "1"),
            ("converted_amount", "1"),
            ("converted_currency", "'EUR'"),
        )
    ),
]


def find_refusal(raw: Connection, books: Books, statements: Sequence[str]) -> set[str | None]:
    """Run statements and commit them; the constraint and the SQLSTATE of the error that refused it."""
    with pytest.raises(psycopg2.Error) as refused:  # noqa: PT012 - a deferred trigger refuses at the commit
        for statement in statements:
            query(raw, statement, books.ids)
        raw.commit()
    return {refused.value.diag.constraint_name, refused.value.pgcode}


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
def test_the_database_refuses(attempt: Attempt, books: Books, raw: Connection) -> None:
    assert attempt.refused_by in find_refusal(raw, books, attempt.statements)


@pytest.mark.parametrize("old", STATUSES)
@pytest.mark.parametrize("new", STATUSES)
def test_a_status_moves_only_where_it_may(old: str, new: str, books: Books, raw: Connection) -> None:
    switch_off_triggers(raw)
    time_of = "CASE WHEN %(status)s IN ('completed', 'reversed') THEN created_at END"
    update = f"UPDATE transactions SET status = %(status)s, completed_at = {time_of} WHERE id = %(sent)s"
    query(raw, update, {"status": old, **books.ids})
    query(raw, "SET LOCAL session_replication_role = origin")
    if old == new or (old, new) in LEGAL:
        query(raw, update, {"status": new, **books.ids})
    else:
        with pytest.raises(psycopg2.errors.CheckViolation) as refused:
            query(raw, update, {"status": new, **books.ids})
        assert refused.value.diag.constraint_name == "transactions_status_path"


def test_an_unbalanced_transaction_is_refused_at_the_commit_and_leaves_nothing(books: Books, raw: Connection) -> None:
    """Until the commit anything may stand there: legs come one after the other."""
    query(
        raw,
        "INSERT INTO transactions"
        " (id, type, status, amount, currency, initiated_by, created_at, updated_at, completed_at)"
        " VALUES (%(id)s, 'fee', 'completed', 5, 'USD', %(user)s, now(), now(), now())",
        {"id": "00000000-0000-7000-8000-00000000abcd", **books.ids},
    )
    query(
        raw,
        "INSERT INTO entries (id, transaction_id, account_id, currency, amount, created_at)"
        " VALUES (gen_random_uuid(), %(id)s, %(cash_usd)s, 'USD', 5, now())",
        {"id": "00000000-0000-7000-8000-00000000abcd", **books.ids},
    )
    with pytest.raises(psycopg2.errors.CheckViolation) as refused:
        raw.commit()
    assert refused.value.diag.constraint_name == "entries_sum_to_zero"
    raw.rollback()
    assert query(raw, "SELECT 1 FROM transactions WHERE id = '00000000-0000-7000-8000-00000000abcd'") == []


def test_refusals_hold_for_the_owner_of_the_tables_too(books: Books, raw: Connection) -> None:
    """The application owns its database: a permission would not stop it, a trigger does."""
    (owner,) = query(raw, "SELECT tableowner = current_user FROM pg_tables WHERE tablename = 'entries'")[0]
    assert owner
    assert "23001" in find_refusal(raw, books, ["DELETE FROM entries WHERE id = %(ana1)s"])
