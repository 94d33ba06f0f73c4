"""One list with the moves of several callers: each is judged for its own caller, and each key is its caller's own."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from sqlalchemy import select

from tests.moves import SANDBOX, render, top_up, transfer, withdrawal
from tests.people import Person, make_person
from tests.services.transactions.conftest import World
from wallet_app.audit import AuditEvent
from wallet_app.identity.accounts import grant_access
from wallet_app.identity.permissions import Role
from wallet_app.transactions.idempotency import IdempotencyKey
from wallet_app.transactions.moves import Move, Refused
from wallet_app.transactions.pipeline import Moved, Order, execute_orders
from wallet_app.uow import run_in_unit_of_work


def order(person: Person, move: Move, key: str | None = None) -> Order:
    return Order(person.caller, move, IdempotencyKey(key, "") if key else None, render)


def run_orders(orders: Sequence[Order]) -> list[str]:
    """Carry orders out in one list: what came of each, in a word."""
    return [
        result.outcome.problem.code if isinstance(result.outcome, Refused) else type(result.outcome).__name__
        for result in execute_orders(orders, policy=SANDBOX)
    ]


def test_each_caller_moves_their_own_money_only(world: World) -> None:
    ana, bo = world.ana, world.bo
    there, back = transfer(ana.account_id, bo.account_id, "60"), transfer(bo.account_id, ana.account_id, "10")
    orders = [order(bo, there), order(ana, there), order(ana, back), order(bo, back), order(world.operations, back)]
    assert run_orders(orders) == ["NOT_FOUND", "Moved", "NOT_FOUND", "Moved", "Moved"]
    assert world.read_balances() == ("60.00", "40.00")


def test_an_equal_key_of_another_caller_is_another_key(world: World) -> None:
    ana, bo = world.ana, world.bo
    orders = [
        order(ana, transfer(ana.account_id, bo.account_id, "10"), "k"),
        order(bo, transfer(bo.account_id, ana.account_id, "4"), "k"),
        order(ana, transfer(ana.account_id, bo.account_id, "10"), "k"),
    ]
    assert run_orders(orders) == ["Moved", "Moved", "Moved"]
    assert world.read_balances() == ("94.00", "6.00")
    assert run_orders(orders[:2]) == ["Replayed", "Replayed"]
    assert world.read_balances() == ("94.00", "6.00")


def test_shared_access_is_each_callers_own(world: World) -> None:
    admin, operator, viewer = (
        make_person(world.app, Role.ADMIN),
        make_person(world.app),
        make_person(world.app),
    )
    assert world.ana.account_id is not None
    grant_access(admin.caller, operator.id, world.ana.account_id, "operator")
    grant_access(admin.caller, viewer.id, world.ana.account_id, "viewer")
    move = withdrawal(world.ana.account_id, "1")
    outcomes = run_orders([order(person, move) for person in (operator, viewer, world.bo, world.ana)])
    assert outcomes == ["Moved", "FORBIDDEN", "NOT_FOUND", "Moved"]


def test_a_suspended_caller_stops_nobody_else(world: World) -> None:
    suspended = replace(world.bo, caller=replace(world.bo.caller, status="suspended"))
    orders = [
        order(suspended, top_up(world.bo.account_id, "5")),
        order(world.ana, transfer(world.ana.account_id, world.bo.account_id, "5")),
    ]
    assert run_orders(orders) == ["USER_SUSPENDED", "Moved"]


def test_staff_alone_leave_events_and_each_transaction_names_its_caller(world: World) -> None:
    staff = [replace(world.operations.caller, request_id=uuid4().hex) for _ in range(2)]
    move = top_up(world.ana.account_id, "1")
    orders = [Order(staff[0], move, None, render), order(world.ana, move), Order(staff[1], move, None, render)]
    outcomes = [result.outcome for result in execute_orders(orders, policy=SANDBOX)]
    made = [outcome.transaction for outcome in outcomes if isinstance(outcome, Moved)]
    assert [one.initiated_by for one in made] == [world.operations.id, world.ana.id, world.operations.id]
    assert [one.request_id for one in made] == [staff[0].request_id, None, staff[1].request_id]
    statement = select(AuditEvent).where(AuditEvent.object_id.in_([one.id for one in made])).order_by(AuditEvent.id)
    events = run_in_unit_of_work(lambda session: session.scalars(statement).all())
    assert [(event.object_id, event.request_id) for event in events] == [
        (made[0].id, staff[0].request_id),
        (made[2].id, staff[1].request_id),
    ]


def test_one_callers_spending_is_seen_by_the_next(world: World) -> None:
    orders = [
        order(world.ana, transfer(world.ana.account_id, world.bo.account_id, "100")),
        order(world.operations, withdrawal(world.ana.account_id, "0.01")),
        order(world.bo, withdrawal(world.bo.account_id, "100")),
        order(world.bo, withdrawal(world.bo.account_id, "0.01")),
    ]
    assert run_orders(orders) == ["Moved", "INSUFFICIENT_FUNDS", "Moved", "INSUFFICIENT_FUNDS"]
