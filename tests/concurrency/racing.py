"""Starting things at the same moment, and making the moment long enough to matter."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from threading import Barrier
from typing import Any

from flask import Flask

from tests.conftest import clone_database, make_config
from tests.people import Person, make_person
from tests.raw_sql import connect, query
from wallet_app import create_app
from wallet_app.extensions import db
from wallet_app.identity.permissions import Role
from wallet_app.ledger.verify import Break
from wallet_app.transactions.verify import run_verification

PATIENCE_S = 60


@dataclass(frozen=True)
class Site:
    """A database and the processes that serve it: apps that know nothing of each other.

    Within a process moves that meet are made together; across processes only the database's locks order them.
    """

    apps: Sequence[Flask]

    def make_person(self, role: Role = Role.CUSTOMER, **settings: str) -> Person:
        return make_person(self.apps[0], role, **settings)

    def verify(self) -> list[Break]:
        with self.apps[0].app_context():
            return run_verification()

    def close(self) -> None:
        for app in self.apps:
            with app.app_context():
                db.engine.dispose()

    def race(self, *calls: Callable[[Flask], Any]) -> list[Any]:
        """Run every call in a thread of its own, in the next process each, all from one starting signal."""
        barrier = Barrier(len(calls))

        def run(call: Callable[[Flask], Any], app: Flask) -> Any:
            barrier.wait(PATIENCE_S)
            return call(app)

        with ThreadPoolExecutor(len(calls)) as pool:
            running = [pool.submit(run, call, app) for call, app in zip(calls, cycle(self.apps), strict=False)]
            return [one.result(PATIENCE_S) for one in running]


@contextmanager
def open_site(processes: int, *, pause_ms: int = 0, locks: bool = True) -> Iterator[Site]:
    """A site with a database of its own; see ``alter_locking`` for what it may be altered in."""
    with clone_database() as url:
        site = Site([create_app(make_config(url)) for _ in range(processes)])
        if pause_ms or not locks:
            alter_locking(site.apps[0], pause_ms=pause_ms, locks=locks)
        yield site
        site.close()


def at(person: Person, app: Flask) -> Person:
    """The same person, talking to another process."""
    return replace(person, app=app)


def send(sender: Person, recipient: Person, amount: str, key: str | None = None) -> Callable[[Flask], Any]:
    """A transfer in USD to be raced: call it with a process, and get the answer."""
    body = {
        "type": "transfer",
        "source_account_id": str(sender.account_id),
        "destination_account_id": str(recipient.account_id),
        "amount": amount,
        "currency": "USD",
    }
    return lambda app: at(sender, app).post("/transactions", body, key=key)


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
