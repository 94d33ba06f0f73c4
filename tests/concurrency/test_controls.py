"""The races again without the locks: they must see it. A race that can't fail proves nothing."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.concurrency import races
from tests.concurrency.racing import alter_locking
from tests.conftest import clone_database, make_config
from tests.raw_sql import connect, query
from wallet_app import create_app
from wallet_app.extensions import db
from wallet_app.transactions.verify import run_verification

PAUSE_MS = 60
ATTEMPTS = 10

LOCKED_BY_THE_PIPELINE = [
    races.race_for_the_last_hundred,
    races.race_into_two_accounts,
    races.race_top_ups,
    races.race_reversal_and_spending,
    races.race_freeze,
    races.race_close,
    races.race_overdraft,
    races.race_suspension,
]


@pytest.fixture(scope="module")
def lockless_app() -> Iterator[Flask]:
    with clone_database() as url:
        app = create_app(make_config(url))
        alter_locking(app, pause_ms=PAUSE_MS, locks=False)
        yield app
        with app.app_context():
            db.engine.dispose()


def fails(run_race: Callable[[Flask], list[str]], app: Flask) -> bool:
    """Whether something goes wrong in the race; an answer that /openapi.json does not describe, such as 500, is."""
    try:
        return bool(run_race(app))
    except AssertionError:
        return True


@pytest.mark.parametrize("run_race", LOCKED_BY_THE_PIPELINE, ids=lambda run_race: run_race.__name__)
def test_the_race_fails_without_the_locks(run_race: Callable[[Flask], list[str]], lockless_app: Flask) -> None:
    assert any(fails(run_race, lockless_app) for _ in range(ATTEMPTS))


def test_even_then_the_database_lets_no_money_be_made(lockless_app: Flask) -> None:
    """Without locks requests fail, but numbers stay unique and floors hold: what is committed is right."""
    for _ in range(3):
        fails(races.race_for_the_last_hundred, lockless_app)
        fails(races.race_top_ups, lockless_app)
    with lockless_app.app_context():
        assert run_verification() == []


def test_without_locks_and_constraints_money_is_made_and_verify_tells(fresh_app: Flask) -> None:
    alter_locking(fresh_app, pause_ms=PAUSE_MS, locks=False)
    with connect(fresh_app) as connection:
        query(connection, "ALTER TABLE entries DROP CONSTRAINT entries_once_per_number")
        connection.commit()
    assert any(fails(races.race_into_two_accounts, fresh_app) for _ in range(ATTEMPTS))
    with fresh_app.app_context():
        found = run_verification()
    assert {one.invariant for one in found} == {3}, found
