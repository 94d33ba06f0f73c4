"""Balances as they stood: before the first move, exactly at each, between, after; the system's as sums."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.moves import make, reversal, run, top_up, transfer, withdrawal
from tests.people import Person, make_person
from wallet_app import clock
from wallet_app.ledger.folding import fold_system_deltas
from wallet_app.ledger.models import Account
from wallet_app.ledger.queries import read_standing_at
from wallet_app.uow import run_in_unit_of_work

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR, MICROSECOND = timedelta(hours=1), timedelta(microseconds=1)


@pytest.fixture(scope="module")
def people(own_app: Flask) -> tuple[Person, Person]:
    """Ana gets 100 at noon, sends 30 at one and 20 at two, which Bo takes back at three; at four she pays 5 out."""
    ana, bo = make_person(own_app), make_person(own_app)
    with own_app.app_context():
        with clock.at(START):
            make(ana.caller, top_up(ana.account_id, "100"))
        with clock.at(START + HOUR):
            make(ana.caller, transfer(ana.account_id, bo.account_id, "30"))
        with clock.at(START + 2 * HOUR):
            sent = make(ana.caller, transfer(ana.account_id, bo.account_id, "20"))
        with clock.at(START + 3 * HOUR):
            make(bo.caller, reversal(sent))
        with clock.at(START + 4 * HOUR):
            make(ana.caller, withdrawal(ana.account_id, "5"))
    return ana, bo


def read_at(app: Flask, moment: datetime, person: Person | None) -> Decimal:
    """The balance of a person's account, or of the system's USD cash."""

    def read(session: Session) -> Decimal:
        wanted = Account.id == person.account_id if person else (Account.kind == "cash") & (Account.currency == "USD")
        return read_standing_at(session, session.scalars(select(Account).where(wanted)).one(), moment).balance

    with app.app_context():
        return run_in_unit_of_work(read)


@pytest.mark.parametrize(
    ("hour", "before", "at"),
    [
        (0, (0, 0, 0), (100, 0, -100)),
        (1, (100, 0, -100), (70, 30, -100)),
        (2, (70, 30, -100), (50, 50, -100)),
        (3, (50, 50, -100), (70, 30, -100)),
        (4, (70, 30, -100), (65, 30, -95)),
    ],
)
def test_a_balance_counts_the_move_of_its_own_microsecond(
    hour: int, before: tuple[int, ...], at: tuple[int, ...], people: tuple[Person, Person], own_app: Flask
) -> None:
    moment = START + hour * HOUR
    who = (*people, None)
    assert tuple(read_at(own_app, moment - MICROSECOND, one) for one in who) == before
    assert tuple(read_at(own_app, moment, one) for one in who) == at
    assert tuple(read_at(own_app, moment + HOUR / 2, one) for one in who) == at


def test_long_before_and_long_after(people: tuple[Person, Person], own_app: Flask) -> None:
    who = (*people, None)
    assert [read_at(own_app, datetime(1, 1, 1, tzinfo=UTC), one) for one in who] == [0, 0, 0]
    assert [read_at(own_app, datetime(9999, 12, 31, tzinfo=UTC), one) for one in who] == [65, 30, -95]


def test_folding_changes_no_past(people: tuple[Person, Person], own_app: Flask) -> None:
    with own_app.app_context():
        run_in_unit_of_work(fold_system_deltas)
    assert [read_at(own_app, START + hour * HOUR, None) for hour in range(5)] == [-100, -100, -100, -100, -95]


def test_several_moves_in_one_microsecond_count_all(people: tuple[Person, Person], own_app: Flask) -> None:
    """The last test: it moves money after all that the others look at."""
    ana, _ = people
    moment = START + 5 * HOUR
    with own_app.app_context(), clock.at(moment):
        run(ana.caller, [top_up(ana.account_id, amount) for amount in ("1", "2", "3")])
        make(ana.caller, withdrawal(ana.account_id, "4"))
    assert read_at(own_app, moment - MICROSECOND, ana) == 65
    assert read_at(own_app, moment, ana) == 67
