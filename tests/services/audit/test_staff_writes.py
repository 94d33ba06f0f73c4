"""Every write by staff leaves one event: who, what, before, after, why, request id; and no write, no event."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from tests.moves import make, refuse, reversal, run, top_up, transfer, withdrawal
from tests.people import Person, make_person
from wallet_app.audit import Actor, AuditEvent, record_event
from wallet_app.errors import Problem
from wallet_app.identity import accounts, users
from wallet_app.identity.caller import Caller
from wallet_app.identity.permissions import Role
from wallet_app.uow import run_in_unit_of_work


@dataclass(frozen=True)
class Staff:
    """A customer with 100 USD, and callers who may change something about her."""

    app: Flask
    ana: Person
    operations: Caller
    admin: Caller

    @property
    def account_id(self) -> UUID:
        assert self.ana.account_id is not None
        return self.ana.account_id


@pytest.fixture
def staff(context: Flask) -> Staff:
    callers = [
        replace(make_person(context, role).caller, request_id=uuid4().hex) for role in (Role.OPERATIONS, Role.ADMIN)
    ]
    return Staff(context, make_person(context, balance="100"), *callers)


def list_events(actor: Caller) -> list[AuditEvent]:
    statement = select(AuditEvent).where(AuditEvent.actor_id == actor.user_id).order_by(AuditEvent.id)
    return list(run_in_unit_of_work(lambda session: session.scalars(statement).all()))


Write = Callable[[Staff], Any]

# What is done, by whom, the action it is told as, and what must be in before and after.
WRITES: dict[str, tuple[Write, str, dict[str, object], dict[str, object]]] = {
    "account.frozen": (
        lambda s: accounts.freeze_account(s.operations, s.account_id, scope="debit", reason="why"),
        "operations",
        {"status": "active", "freeze_scope": None, "version": 1},
        {"status": "frozen", "freeze_scope": "debit", "version": 2},
    ),
    "account.edited": (
        lambda s: accounts.edit_account(s.operations, s.account_id, 1, changes={"label": "x"}, overdraft_limit=None),
        "operations",
        {"label": None, "version": 1},
        {"label": "x", "version": 2},
    ),
    "account.opened": (
        lambda s: accounts.open_account(s.admin, currency="EUR", user_id=s.ana.id),
        "admin",
        {},
        {"currency": "EUR"},
    ),
    "account.access_granted": (
        lambda s: accounts.grant_access(s.admin, make_person(s.app).id, s.account_id, "viewer"),
        "admin",
        {},
        {"access": "viewer"},
    ),
    "user.suspended": (
        lambda s: users.suspend_user(s.operations, s.ana.id, "why"),
        "operations",
        {"status": "active"},
        {"status": "suspended"},
    ),
    "user.edited": (
        lambda s: users.edit_profile(s.admin, s.ana.id, {"full_name": "Ana Maria"}),
        "admin",
        {"full_name": "Test Person"},
        {"full_name": "Ana Maria"},
    ),
    "user.created": (
        lambda s: users.create_user(
            s.admin,
            email=f"{uuid4().hex}@staff.example",
            password="long-enough-secret",
            full_name="New",
            role=Role.SUPPORT,
            profile={},
        ),
        "admin",
        {},
        {"role": "support"},
    ),
    "user.closed": (
        lambda s: users.close_user(s.admin, make_person(s.app).id),
        "admin",
        {"status": "active"},
        {"status": "closed"},
    ),
    "transaction.top_up": (
        lambda s: make(s.operations, top_up(s.account_id, "5")),
        "operations",
        {},
        {"amount": "5", "currency": "USD", "source_account_id": None},
    ),
    "transaction.withdrawal": (
        lambda s: make(s.operations, withdrawal(s.account_id, "5")),
        "operations",
        {},
        {"amount": "5", "destination_account_id": None},
    ),
}


@pytest.mark.parametrize("action", WRITES)
def test_a_write_by_staff_leaves_one_event(action: str, staff: Staff) -> None:
    write, who, before, after = WRITES[action]
    caller: Caller = getattr(staff, who)
    write(staff)
    (event,) = list_events(caller)
    assert (event.action, event.actor_role, event.request_id) == (action, caller.role, caller.request_id)
    assert (event.before or {}).items() >= before.items()
    assert (event.after or {}).items() >= after.items()
    assert "why" in (event.reason or "why")
    assert event.object_type == action.partition(".")[0]
    told = f"{event.before} {event.after}"
    assert "secret" not in told
    assert "password" not in told


def test_unfreezing_reactivating_revoking_and_closing_are_told_too(staff: Staff) -> None:
    bo = make_person(staff.app)
    accounts.freeze_account(staff.operations, staff.account_id, scope="all", reason="a")
    accounts.unfreeze_account(staff.operations, staff.account_id, reason="b")
    users.suspend_user(staff.operations, staff.ana.id, "c")
    users.reactivate_user(staff.operations, staff.ana.id, "d")
    assert [(event.action, event.reason) for event in list_events(staff.operations)] == [
        ("account.frozen", "a"),
        ("account.unfrozen", "b"),
        ("user.suspended", "c"),
        ("user.reactivated", "d"),
    ]
    accounts.grant_access(staff.admin, bo.id, staff.account_id, "viewer")
    accounts.grant_access(staff.admin, bo.id, staff.account_id, "operator")
    accounts.revoke_access(staff.admin, bo.id, staff.account_id)
    assert bo.account_id is not None
    accounts.close_account(staff.admin, bo.account_id)
    told = [(event.action, (event.before or {}).get("access")) for event in list_events(staff.admin)]
    assert told == [
        ("account.access_granted", None),
        ("account.access_granted", "viewer"),
        ("account.access_revoked", "operator"),
        ("account.closed", None),
    ]


def test_each_move_of_a_list_is_told_with_its_transaction(staff: Staff) -> None:
    bo = make_person(staff.app)
    sent = make(staff.operations, transfer(staff.account_id, bo.account_id, "30"))
    moves = [reversal(sent, "sent twice"), withdrawal(staff.account_id, "1000"), top_up(staff.account_id, "1")]
    results = run(staff.operations, moves)
    events = list_events(staff.operations)
    assert [event.action for event in events] == ["transaction.transfer", "transaction.reversal", "transaction.top_up"]
    made = [result.outcome.transaction.id for result in results if hasattr(result.outcome, "transaction")]
    assert [event.object_id for event in events] == [sent.id, *made]
    assert events[1].reason == "sent twice"
    assert (events[1].after or {})["original_transaction_id"] == str(sent.id)


REFUSED: dict[str, Write] = {
    "not allowed": lambda s: accounts.freeze_account(s.admin, s.account_id, scope="all", reason="no"),
    "not empty": lambda s: accounts.close_account(s.admin, s.account_id),
    "stale": lambda s: accounts.edit_account(s.admin, s.account_id, 7, changes={}, overdraft_limit=None),
    "money left": lambda s: users.close_user(s.admin, s.ana.id),
    "not frozen": lambda s: accounts.unfreeze_account(s.operations, s.account_id, reason="no"),
    "not suspended": lambda s: users.reactivate_user(s.operations, s.ana.id, "no"),
    "oneself": lambda s: users.suspend_user(s.operations, s.operations.user_id, "no"),
    "taken": lambda s: users.create_user(
        s.admin, email=s.ana.email, password="x" * 12, full_name="No", role=Role.SUPPORT, profile={}
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_leaves_no_event(name: str, staff: Staff) -> None:
    with pytest.raises(Problem):
        REFUSED[name](staff)
    assert list_events(staff.operations) == list_events(staff.admin) == []


def test_a_refused_move_leaves_no_event(staff: Staff) -> None:
    assert refuse(staff.operations, withdrawal(staff.account_id, "1000")).code == "INSUFFICIENT_FUNDS"
    assert list_events(staff.operations) == []


def test_customers_leave_none(staff: Staff) -> None:
    make(staff.ana.caller, withdrawal(staff.account_id, "1"))
    accounts.edit_account(staff.ana.caller, staff.account_id, 1, changes={"label": "mine"}, overdraft_limit=None)
    users.edit_profile(staff.ana.caller, staff.ana.id, {"full_name": "Ana"})
    assert list_events(staff.ana.caller) == []


def test_event_and_deed_are_undone_together(staff: Staff) -> None:
    actor = Actor(staff.operations.user_id, "operations")

    def fail(session: Any) -> None:
        record_event(session, actor, "account.test", object_type="account", object_id=staff.account_id)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_in_unit_of_work(fail)
    assert list_events(staff.operations) == []


def test_the_system_acts_without_a_user(staff: Staff) -> None:
    object_id = uuid4()
    run_in_unit_of_work(
        lambda session: record_event(
            session, Actor(None, "system"), "audit.test", object_type="account", object_id=object_id
        )
    )
    statement = select(AuditEvent).where(AuditEvent.object_id == object_id)
    event = run_in_unit_of_work(lambda session: session.scalars(statement).one())
    assert (event.actor_id, event.actor_role, event.before, event.after, event.reason) == (
        None,
        "system",
        None,
        None,
        None,
    )
