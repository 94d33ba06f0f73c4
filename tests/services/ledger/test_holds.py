"""Holds: what is set aside is not available, comes back once, and can be read at any past moment."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.moves import lock_account, make, refuse, top_up, transfer
from tests.people import Person, make_person
from wallet_app import clock
from wallet_app.errors import HoldNotOpen, InsufficientFunds
from wallet_app.ledger.holds import HoldChanges, LockedHold, lock_holds
from wallet_app.ledger.locking import LockedAccount
from wallet_app.ledger.models import Account, Hold, HoldMovement
from wallet_app.ledger.queries import read_standing_at
from wallet_app.transactions.verify import run_verification
from wallet_app.uow import run_in_unit_of_work

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


class Holder:
    """A customer with 100 and holds on it, each change a unit of work at a time of its own."""

    def __init__(self, app: Flask) -> None:
        self.person: Person = make_person(app)
        self.account_id = self.person.account_id
        with clock.at(START - timedelta(minutes=1)):
            make(self.person.caller, top_up(self.account_id, "100"))

    def change(
        self, work: Callable[[HoldChanges, LockedAccount, dict[UUID, LockedHold]], UUID | None], *holds: UUID
    ) -> UUID | None:
        def run(session: Session) -> UUID | None:
            connection, changes = session.connection(), HoldChanges()
            account = lock_account(connection, self.account_id)
            result = work(changes, account, lock_holds(connection, holds) if holds else {})
            changes.write(connection)
            return result

        return run_in_unit_of_work(run)

    def place(self, amount: str, minute: int = 0) -> UUID:
        at = START + timedelta(minutes=minute)
        placed = self.change(
            lambda changes, account, _: (
                changes.place_hold(
                    account, Decimal(amount), created_by=self.person.id, at=at, expires_at=START + WEEK
                ).id
            )
        )
        assert placed is not None
        return placed

    def capture(self, hold_id: UUID, amount: str | None = None, *, final: bool = True, minute: int = 1) -> None:
        def work(changes: HoldChanges, account: LockedAccount, holds: dict[UUID, LockedHold]) -> None:
            wanted = Decimal(amount) if amount else None
            changes.capture_hold(account, holds[hold_id], wanted, at=START + timedelta(minutes=minute), final=final)

        self.change(work, hold_id)

    def release(self, hold_id: UUID, minute: int = 1) -> None:
        at = START + timedelta(minutes=minute)
        self.change(lambda changes, account, holds: changes.release_hold(account, holds[hold_id], at=at), hold_id)

    def expire(self, hold_id: UUID, at: datetime) -> None:
        self.change(lambda changes, account, holds: changes.expire_hold(account, holds[hold_id], at=at), hold_id)

    def read(self, hold_id: UUID) -> tuple[str, Decimal, Decimal]:
        """The hold's status and captured amount, and the account's held money."""

        def read(session: Session) -> tuple[str, Decimal, Decimal]:
            hold = session.get_one(Hold, hold_id, populate_existing=True)
            account = session.get_one(Account, self.account_id, populate_existing=True)
            return hold.status, hold.captured_amount, account.held

        return run_in_unit_of_work(read)

    def read_movements(self) -> list[tuple[Decimal, Decimal]]:
        statement = (
            select(HoldMovement.delta, HoldMovement.held_after)
            .where(HoldMovement.account_id == self.account_id)
            .order_by(HoldMovement.id)
        )
        return [tuple(row) for row in run_in_unit_of_work(lambda session: session.execute(statement).all())]


@pytest.fixture
def holder(context: Flask) -> Holder:
    return Holder(context)


def test_a_hold_takes_from_available_and_not_from_balance(holder: Holder) -> None:
    other = make_person(holder.person.app)
    hold_id = holder.place("60")
    assert holder.read(hold_id) == ("open", 0, 60)
    with clock.at(START + timedelta(minutes=2)):
        problem = refuse(holder.person.caller, transfer(holder.account_id, other.account_id, "40.01"))
        assert problem.details == {"available": "40.00", "required": "40.01", "currency": "USD"}
        make(holder.person.caller, transfer(holder.account_id, other.account_id, "40"))
    assert holder.person.read_balance() == "60.00"


def test_no_hold_is_placed_above_available(holder: Holder) -> None:
    holder.place("60")
    with pytest.raises(InsufficientFunds) as refused:
        holder.place("40.01", minute=1)
    assert refused.value.details == {"available": "40.00", "required": "40.01", "currency": "USD"}
    assert holder.read_movements() == [(60, 60)]
    holder.place("40", minute=1)
    assert holder.read_movements() == [(60, 60), (40, 100)]


@pytest.mark.parametrize(
    ("amount", "final", "expected", "movements"),
    [
        (None, True, ("captured", 60, 0), [(60, 60), (-60, 0)]),
        ("60", False, ("captured", 60, 0), [(60, 60), (-60, 0)]),
        ("25", True, ("captured", 25, 0), [(60, 60), (-60, 0)]),
        ("25", False, ("open", 25, 35), [(60, 60), (-25, 35)]),
    ],
)
def test_capture_takes_all_or_a_part(
    holder: Holder,
    amount: str | None,
    final: bool,
    expected: tuple[str, int, int],
    movements: list[tuple[int, int]],
) -> None:
    hold_id = holder.place("60")
    holder.capture(hold_id, amount, final=final)
    assert holder.read(hold_id) == expected
    assert holder.read_movements() == movements


def test_parts_are_captured_until_nothing_is_left(holder: Holder) -> None:
    hold_id = holder.place("60")
    holder.capture(hold_id, "20", final=False, minute=1)
    with pytest.raises(InsufficientFunds) as refused:
        holder.capture(hold_id, "40.01", minute=2)
    assert refused.value.details == {"available": "40.00", "required": "40.01", "currency": "USD"}
    holder.capture(hold_id, "10", final=False, minute=2)
    holder.release(hold_id, minute=3)
    assert holder.read(hold_id) == ("released", 30, 0)
    assert holder.read_movements() == [(60, 60), (-20, 40), (-10, 30), (-30, 0)]


@pytest.mark.parametrize("end", ["capture", "release", "expire"])
def test_a_hold_ends_once(holder: Holder, end: str) -> None:
    hold_id = holder.place("60")
    if end == "expire":
        holder.expire(hold_id, START + WEEK)
    else:
        getattr(holder, end)(hold_id)
    after = holder.read(hold_id)
    assert after[2] == 0
    with pytest.raises(HoldNotOpen):
        holder.capture(hold_id, minute=2)
    with pytest.raises(HoldNotOpen):
        holder.release(hold_id, minute=2)
    with pytest.raises(HoldNotOpen):
        holder.expire(hold_id, START + WEEK)
    assert holder.read(hold_id) == after


def test_at_its_expiry_a_hold_is_no_longer_open(holder: Holder) -> None:
    week = int(WEEK.total_seconds() // 60)
    hold_id = holder.place("60")
    with pytest.raises(HoldNotOpen):
        holder.capture(hold_id, minute=week)
    with pytest.raises(HoldNotOpen):
        holder.release(hold_id, minute=week)
    with pytest.raises(ValueError, match="not expired yet"):
        holder.expire(hold_id, START + WEEK - timedelta(microseconds=1))
    holder.expire(hold_id, START + WEEK)
    assert holder.read(hold_id) == ("expired", 0, 0)


def test_several_changes_in_one_unit_of_work(holder: Holder) -> None:
    """A hold that is placed and captured in one go leaves one row and both movements."""

    def work(changes: HoldChanges, account: LockedAccount, _: dict[UUID, LockedHold]) -> UUID:
        until = START + WEEK
        first = changes.place_hold(account, Decimal(70), created_by=holder.person.id, at=START, expires_at=until)
        with pytest.raises(InsufficientFunds):
            changes.place_hold(account, Decimal(31), created_by=holder.person.id, at=START, expires_at=until)
        changes.capture_hold(account, first, Decimal(50), at=START, final=False)
        changes.place_hold(account, Decimal(80), created_by=holder.person.id, at=START, expires_at=until)
        return first.id

    hold_id = holder.change(work)
    assert hold_id is not None
    assert holder.read(hold_id) == ("open", 50, 100)
    assert holder.read_movements() == [(70, 70), (-50, 20), (80, 100)]
    with holder.person.app.app_context():
        assert [found for found in run_verification() if str(holder.account_id) in found.ids] == []


def test_a_hold_moves_on_its_own_account_and_forward_in_time_alone(holder: Holder) -> None:
    hold_id = holder.place("60", minute=5)
    with pytest.raises(ValueError, match="may not move"):
        holder.release(hold_id, minute=4)
    stranger = Holder(holder.person.app)
    with pytest.raises(ValueError, match="may not move"):
        stranger.release(hold_id, minute=6)
    assert holder.read(hold_id) == ("open", 0, 60)


def test_held_money_as_it_stood(holder: Holder) -> None:
    hold_id = holder.place("60", minute=0)
    holder.capture(hold_id, "20", final=False, minute=10)
    holder.release(hold_id, minute=20)

    def read_held(moment: datetime) -> Decimal:
        return run_in_unit_of_work(
            lambda session: read_standing_at(session, session.get_one(Account, holder.account_id), moment).held
        )

    microsecond = timedelta(microseconds=1)
    stood = [
        read_held(START + timedelta(minutes=minute) + step)
        for minute in (0, 10, 20)
        for step in (-microsecond, timedelta(0), microsecond)
    ]
    assert stood == [0, 60, 60, 60, 40, 40, 40, 0, 0]
