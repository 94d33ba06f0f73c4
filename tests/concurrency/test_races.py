"""Every race, against the real application and database: threads, a starting signal, and nothing mocked.

Moves rest for a moment between reading and writing, so that a missing lock shows at once and not once in a thousand
runs; the long races run at full speed. ``test_controls.py`` takes the locks away and sees these same races fail.
"""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.concurrency import races
from tests.concurrency.racing import alter_locking
from tests.conftest import clone_database, make_config
from wallet_app import create_app
from wallet_app.extensions import db
from wallet_app.transactions.verify import run_verification

PAUSE_MS = 30

SLOWED = [
    races.race_for_the_last_hundred,
    races.race_into_two_accounts,
    races.race_top_ups,
    races.race_one_key,
    races.race_one_key_with_two_bodies,
    races.race_reversals,
    races.race_reversal_and_spending,
    races.race_freeze,
    races.race_close,
    races.race_overdraft,
    races.race_suspension,
    races.race_settings,
    races.race_registrations,
    races.race_openings,
    races.race_first_openings,
    races.race_refreshes,
]
AT_FULL_SPEED = [races.race_opposing, races.race_ring, races.race_one_key, races.race_for_the_last_hundred]


@pytest.fixture(scope="module")
def slowed_app() -> Iterator[Flask]:
    """An app whose moves rest while they hold their locks. When all races are run, its ledger must verify."""
    with clone_database() as url:
        app = create_app(make_config(url))
        alter_locking(app, pause_ms=PAUSE_MS)
        yield app
        with app.app_context():
            assert run_verification() == []
            db.engine.dispose()


@pytest.mark.parametrize("run_race", SLOWED, ids=lambda run_race: run_race.__name__)
def test_race(run_race: Callable[[Flask], list[str]], slowed_app: Flask) -> None:
    for _ in range(2):
        assert run_race(slowed_app) == []


@pytest.mark.parametrize("run_race", AT_FULL_SPEED, ids=lambda run_race: run_race.__name__)
def test_race_at_full_speed(run_race: Callable[[Flask], list[str]], app: Flask) -> None:
    assert run_race(app) == []
