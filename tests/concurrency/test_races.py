"""Every race, against the real application and database: threads, a starting signal, and nothing mocked.

Moves rest for a moment between reading and writing, so that a missing lock shows at once and not once in a thousand
runs; the long races run at full speed. All are run in one process, which makes moves that meet together, and again with
processes to go round, where the database's locks are all there is. ``test_controls.py`` takes the locks away and sees
these same races fail.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.concurrency import races
from tests.concurrency.racing import Site, open_site

PAUSE_MS = 30

SLOWED = [
    races.race_for_the_last_hundred,
    races.race_into_two_accounts,
    races.race_top_ups,
    races.race_one_key,
    races.race_one_key_with_two_bodies,
    races.race_batches,
    races.race_reversals,
    races.race_reversal_and_spending,
    races.race_freeze,
    races.race_close,
    races.race_overdraft,
    races.race_suspension,
    races.race_suspensions,
    races.race_settings,
    races.race_registrations,
    races.race_openings,
    races.race_first_openings,
    races.race_refreshes,
]
AT_FULL_SPEED = [
    races.race_opposing,
    races.race_ring,
    races.race_one_key,
    races.race_batches,
    races.race_for_the_last_hundred,
]


@pytest.fixture(scope="module", params=[4, 1], ids=["apart", "together"])
def slowed_site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Processes whose moves rest while they hold their locks. When all races are run, the ledger must verify."""
    with open_site(request.param, pause_ms=PAUSE_MS) as site:
        yield site
        assert site.verify() == []


@pytest.fixture(scope="module", params=[4, 1], ids=["apart", "together"])
def quick_site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with open_site(request.param) as site:
        yield site
        assert site.verify() == []


@pytest.mark.parametrize("run_race", SLOWED, ids=lambda run_race: run_race.__name__)
def test_race(run_race: Callable[[Site], list[str]], slowed_site: Site) -> None:
    assert run_race(slowed_site) == []


@pytest.mark.parametrize("run_race", AT_FULL_SPEED, ids=lambda run_race: run_race.__name__)
def test_race_at_full_speed(run_race: Callable[[Site], list[str]], quick_site: Site) -> None:
    assert run_race(quick_site) == []
