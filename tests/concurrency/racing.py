"""Starting things at the same moment, and making the moment long enough to matter."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from flask import Flask

from tests.people import Person
from tests.raw_sql import connect, query

PATIENCE_S = 60


def race(*calls: Callable[[], Any]) -> list[Any]:
    """Run every call in a thread of its own, all from one starting signal, and return what each returned."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait(PATIENCE_S)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [running.result(PATIENCE_S) for running in [pool.submit(run, call) for call in calls]]


def send(sender: Person, recipient: Person, amount: str, key: str | None = None) -> Callable[[], Any]:
    """A transfer in USD to be raced: call it, and get the answer."""
    body = {
        "type": "transfer",
        "destination_account_id": str(recipient.account_id),
        "amount": amount,
        "currency": "USD",
    }
    return lambda: sender.post("/transactions", body, key=key)


def read_balances(*people: Person) -> list[str]:
    return [person.read_balance() for person in people]


def alter_locking(app: Flask, *, pause_ms: int, locks: bool = True) -> None:
    """Make every move rest between reading its accounts and writing them; without ``locks``, also take none.

    It rewrites the functions of this app's database, which must be its own.
    """
    with connect(app) as connection:
        definitions = query(
            connection,
            "SELECT pg_get_functiondef(oid) FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace AND prosrc LIKE '%FOR NO KEY UPDATE%'",
        )
        assert definitions, "no function locks anything: these races would prove nothing"
        for (definition,) in definitions:
            head, end, tail = definition.rpartition("END $function$")
            assert end, definition
            altered = f"{head} PERFORM pg_sleep({pause_ms / 1000}); {end}{tail}"
            if not locks:
                altered = altered.replace("FOR NO KEY UPDATE", "")
            query(connection, altered)
        connection.commit()
