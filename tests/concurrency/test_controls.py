"""The races again without the locks: they must see it. A race that can't fail proves nothing."""

from collections.abc import Callable, Iterator

import pytest

from tests.concurrency import races
from tests.concurrency.racing import Site, open_site
from tests.raw_sql import connect, query

PAUSE_MS = 60
PROCESSES = 4
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
def lockless_site() -> Iterator[Site]:
    with open_site(PROCESSES, pause_ms=PAUSE_MS, locks=False) as site:
        yield site


def fails(run_race: Callable[[Site], list[str]], site: Site) -> bool:
    """Whether something goes wrong in the race; an answer that /openapi.json does not describe, such as 500, is."""
    try:
        return bool(run_race(site))
    except AssertionError:
        return True


@pytest.mark.parametrize("run_race", LOCKED_BY_THE_PIPELINE, ids=lambda run_race: run_race.__name__)
def test_the_race_fails_without_the_locks(run_race: Callable[[Site], list[str]], lockless_site: Site) -> None:
    assert any(fails(run_race, lockless_site) for _ in range(ATTEMPTS))


def test_even_then_the_database_lets_no_money_be_made(lockless_site: Site) -> None:
    """Without locks requests fail, but numbers stay unique and floors hold: what is committed is right."""
    for _ in range(3):
        fails(races.race_for_the_last_hundred, lockless_site)
        fails(races.race_top_ups, lockless_site)
    assert lockless_site.verify() == []


def test_without_locks_and_constraints_money_is_made_and_verify_tells() -> None:
    with open_site(PROCESSES, pause_ms=PAUSE_MS, locks=False) as site:
        with connect(site.apps[0]) as connection:
            query(connection, "ALTER TABLE entries DROP CONSTRAINT entries_once_per_number")
            connection.commit()
        assert any(fails(races.race_into_two_accounts, site) for _ in range(ATTEMPTS))
        found = site.verify()
    assert {one.invariant for one in found} == {3}, found
