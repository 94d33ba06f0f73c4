"""Verifying while money moves: nothing on its way may look like a break, and nothing has to wait."""

import threading

from flask import Flask

from tests.concurrency.racing import Site
from tests.moves import make, reversal, top_up, transfer, withdrawal
from tests.people import make_person
from wallet_app.ledger.folding import fold_system_deltas
from wallet_app.transactions.verify import run_verification
from wallet_app.uow import run_in_unit_of_work


def test_a_ledger_verifies_at_every_moment(fresh_app: Flask) -> None:
    people = [make_person(fresh_app, balance="100") for _ in range(3)]
    done = threading.Event()

    def move(number: int) -> None:
        person, other = people[number], people[(number + 1) % 3]
        with fresh_app.app_context():
            for _ in range(20):
                sent = make(person.caller, transfer(person.account_id, other.account_id, "1"))
                make(other.caller, reversal(sent))
                make(person.caller, top_up(person.account_id, "2"))
                make(person.caller, withdrawal(person.account_id, "1"))
                run_in_unit_of_work(fold_system_deltas)
        if number == 0:
            done.set()

    def verify(_: Flask) -> int:
        rounds = 0
        with fresh_app.app_context():
            while not done.is_set():
                assert run_verification() == []
                rounds += 1
        return rounds

    *_, rounds = Site([fresh_app]).race(*[lambda _, number=number: move(number) for number in range(3)], verify)
    assert rounds > 1
    with fresh_app.app_context():
        assert run_verification() == []
