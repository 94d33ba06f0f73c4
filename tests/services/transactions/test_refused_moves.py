"""A refused move leaves no trace: every refusal of every move, against the database."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.moves import make, refuse, reversal, run, top_up, transfer, withdrawal
from tests.people import Person, make_person
from tests.services.transactions.conftest import World
from wallet_app.errors import BatchRefused
from wallet_app.identity.accounts import close_account, freeze_account, open_account
from wallet_app.identity.permissions import Role
from wallet_app.identity.users import suspend_user
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions.moves import Move, Policy

Try = tuple[Person, Move]


def freeze(world: World, person: Person, scope: str) -> None:
    assert person.account_id is not None
    freeze_account(world.operations.caller, person.account_id, scope=scope, reason="test")


def close(world: World, person: Person) -> None:
    assert person.account_id is not None
    close_account(make_person(world.app, Role.ADMIN).caller, person.account_id)


def send(world: World, amount: str = "40", currency: str = "USD") -> Move:
    return transfer(world.ana.account_id, world.bo.account_id, amount, currency)


def to(world: World, kind: str, value: str, currency: str = "USD") -> Move:
    move = transfer(world.ana.account_id, None, "40", currency)
    return type(move)(
        source=move.source,
        destination=AccountRef(kind, value, currency),  # type: ignore[arg-type]
        amount=move.amount,
        currency=currency,
    )


def send_to_closed(world: World) -> Try:
    close(world, world.bo)
    return world.ana, send(world)


def send_from_frozen(world: World) -> Try:
    freeze(world, world.ana, "debit")
    return world.ana, send(world)


def send_to_frozen(world: World) -> Try:
    freeze(world, world.bo, "all")
    return world.ana, send(world)


def send_of_suspended_owner(world: World) -> Try:
    suspend_user(world.operations.caller, world.ana.id, "test")
    return Person(**{**vars(world.ana), "caller": replace_status(world.ana)}), send(world)


def replace_status(person: Person) -> Any:
    caller = person.caller
    return type(caller)(caller.user_id, caller.role, "suspended", caller.session_id)


def take_back_twice(world: World) -> Try:
    sent = make(world.ana.caller, send(world))
    make(world.bo.caller, reversal(sent))
    return world.bo, reversal(sent)


def take_back_what_was_taken_back(world: World) -> Try:
    sent = make(world.ana.caller, send(world))
    back = make(world.bo.caller, reversal(sent))
    return world.operations, reversal(back)


def take_back_what_is_spent(world: World) -> Try:
    sent = make(world.ana.caller, send(world))
    make(world.bo.caller, withdrawal(world.bo.account_id, "0.01"))
    return world.operations, reversal(sent)


def take_back_own_transfer(world: World) -> Try:
    return world.ana, reversal(make(world.ana.caller, send(world)))


def take_back_own_top_up(world: World) -> Try:
    return world.ana, reversal(make(world.ana.caller, top_up(world.ana.account_id, "1")))


def pay_out_in_other_currency(world: World) -> Try:
    open_account(world.ana.caller, currency="EUR")
    return world.ana, withdrawal(world.ana.account_id, "1", "EUR")


CASES: dict[str, tuple[str, Callable[[World], Try]]] = {
    "transfer: too much": ("INSUFFICIENT_FUNDS", lambda w: (w.ana, send(w, "100.01"))),
    "transfer: to oneself": (
        "SAME_ACCOUNT",
        lambda w: (w.ana, transfer(w.ana.account_id, w.ana.account_id, "1")),
    ),
    "transfer: to oneself by email": ("SAME_ACCOUNT", lambda w: (w.ana, to(w, "email", w.ana.email))),
    "transfer: to oneself by number": (
        "SAME_ACCOUNT",
        lambda w: (w.ana, to(w, "number", w.ana.account_number or "")),
    ),
    "transfer: from someone else": ("NOT_FOUND", lambda w: (w.bo, send(w))),
    "transfer: from nowhere": ("NOT_FOUND", lambda w: (w.ana, transfer(uuid4(), w.bo.account_id, "1"))),
    "transfer: to nowhere": ("NOT_FOUND", lambda w: (w.ana, transfer(w.ana.account_id, uuid4(), "1"))),
    "transfer: to no number": ("NOT_FOUND", lambda w: (w.ana, to(w, "number", "000000000000"))),
    "transfer: to the system": ("NOT_FOUND", lambda w: (w.ana, to(w, "number", "cash-USD"))),
    "transfer: to no email": ("NOT_FOUND", lambda w: (w.ana, to(w, "email", "nobody@people.example"))),
    "transfer: in another currency": ("CURRENCY_MISMATCH", lambda w: (w.ana, send(w, "1", "EUR"))),
    "transfer: without an account to leave out": (
        "NO_ACCOUNT_IN_CURRENCY",
        lambda w: (
            w.ana,
            type(send(w))(  # type: ignore[call-arg]
                source=AccountRef("owner", str(w.ana.id), "EUR"),
                destination=AccountRef("id", str(w.bo.account_id)),
                amount=1,
                currency="EUR",
            ),
        ),
    ),
    "transfer: to a closed account": ("ACCOUNT_CLOSED", send_to_closed),
    "transfer: from a frozen account": ("ACCOUNT_FROZEN", send_from_frozen),
    "transfer: to a frozen account": ("ACCOUNT_FROZEN", send_to_frozen),
    "transfer: of a suspended owner": ("USER_SUSPENDED", send_of_suspended_owner),
    "top_up: someone else's": ("NOT_FOUND", lambda w: (w.ana, top_up(w.bo.account_id, "1"))),
    "top_up: another currency": ("CURRENCY_MISMATCH", lambda w: (w.ana, top_up(w.ana.account_id, "1", "EUR"))),
    "top_up: a currency nobody has": (
        "CURRENCY_MISMATCH",
        lambda w: (w.ana, top_up(w.ana.account_id, "1", "XPF")),
    ),
    "withdrawal: too much": ("INSUFFICIENT_FUNDS", lambda w: (w.ana, withdrawal(w.ana.account_id, "100.01"))),
    "withdrawal: someone else's": ("NOT_FOUND", lambda w: (w.bo, withdrawal(w.ana.account_id, "1"))),
    "withdrawal: another currency": ("CURRENCY_MISMATCH", pay_out_in_other_currency),
    "reversal: twice": ("ALREADY_REVERSED", take_back_twice),
    "reversal: of a reversal": ("NOT_REVERSIBLE", take_back_what_was_taken_back),
    "reversal: of what is spent": ("INSUFFICIENT_FUNDS", take_back_what_is_spent),
    "reversal: by the sender": ("FORBIDDEN", take_back_own_transfer),
    "reversal: of one's own top-up": ("FORBIDDEN", take_back_own_top_up),
}


@pytest.mark.parametrize("name", CASES)
def test_nothing_moves(name: str, world: World) -> None:
    code, prepare = CASES[name]
    person, move = prepare(world)
    before = world.take_stock()
    assert refuse(person.caller, move).code == code
    assert world.take_stock() == before


def test_a_customer_tops_up_in_the_sandbox_alone(world: World) -> None:
    before = world.take_stock()
    move = top_up(world.ana.account_id, "1")
    assert refuse(world.ana.caller, move, policy=Policy(sandbox=False)).code == "FORBIDDEN"
    assert world.take_stock() == before


def test_nothing_moves_in_an_atomic_list_with_one_refusal(world: World) -> None:
    before = world.take_stock()
    with pytest.raises(BatchRefused) as refused:
        run(world.ana.caller, [send(world, "60"), send(world, "50"), send(world, "1")], atomic=True)
    assert refused.value.details["index"] == 1
    assert refused.value.details["error"] == {"code": "INSUFFICIENT_FUNDS"}
    assert world.take_stock() == before
