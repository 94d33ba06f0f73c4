"""A first path through all layers."""

from collections.abc import Callable

from tests.people import Person


def test_transfer_by_email(make_customer: Callable[..., Person]) -> None:
    ana, bo = make_customer(balance="100.00"), make_customer()
    body = {"type": "transfer", "to_user_email": bo.email.upper(), "amount": "30.50", "currency": "USD"}
    answer = ana.post("/transactions", body, key="first")
    assert answer.status_code == 201
    assert (ana.read_balance(), bo.read_balance()) == ("69.50", "30.50")
