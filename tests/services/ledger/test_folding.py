"""Folding the system's deltas: nothing is lost and nothing counts twice, whatever else happens at that moment."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.moves import make, top_up, withdrawal
from tests.people import make_person
from tests.raw_sql import wait_for_lock
from wallet_app.ledger.folding import fold_system_deltas
from wallet_app.ledger.models import Account
from wallet_app.ledger.queries import list_system_balances, read_system_balance
from wallet_app.transactions.verify import run_verification
from wallet_app.uow import run_in_unit_of_work


def read_cash_row(session: Session) -> Decimal:
    return session.scalars(select(Account.balance).where(Account.kind == "cash", Account.currency == "USD")).one()


def read_cash(session: Session) -> Decimal:
    """The cash account's balance, open deltas included."""
    (cash,) = [row.balance for row in list_system_balances(session) if (row.kind, row.currency) == ("cash", "USD")]
    return cash


def test_folding_moves_deltas_into_the_row_and_changes_no_balance(fresh_app: Flask) -> None:
    ana = make_person(fresh_app, balance="100")
    with fresh_app.app_context():
        make(ana.caller, withdrawal(ana.account_id, "30.50"))
        assert run_in_unit_of_work(read_cash_row) == 0
        assert run_in_unit_of_work(read_cash) == Decimal("-69.50")

        assert run_in_unit_of_work(fold_system_deltas) == 2

        assert run_in_unit_of_work(read_cash_row) == Decimal("-69.50")
        assert run_in_unit_of_work(read_cash) == Decimal("-69.50")
        assert run_in_unit_of_work(fold_system_deltas) == 0
        assert run_verification() == []


def test_each_account_gets_its_own_deltas(fresh_app: Flask) -> None:
    make_person(fresh_app, balance="100")
    make_person(fresh_app, currency="JPY", balance="7000")
    with fresh_app.app_context():
        assert run_in_unit_of_work(fold_system_deltas) == 2
        balances = {
            (row.kind, row.currency): row.balance for row in run_in_unit_of_work(list_system_balances) if row.balance
        }
        assert balances == {("cash", "USD"): -100, ("cash", "JPY"): -7000}


def test_two_folds_at_once_fold_each_delta_once(fresh_app: Flask) -> None:
    """The second waits for the first's rows and then finds them gone."""
    make_person(fresh_app, balance="100")
    make_person(fresh_app, balance="50")

    def fold_meanwhile() -> int:
        with fresh_app.app_context():
            return run_in_unit_of_work(fold_system_deltas)

    with ThreadPoolExecutor(1) as pool, fresh_app.app_context():

        def fold_and_wait(session: Session) -> tuple[int, Future[int]]:
            folded = fold_system_deltas(session)
            second = pool.submit(fold_meanwhile)
            wait_for_lock(fresh_app)
            return folded, second

        folded, second = run_in_unit_of_work(fold_and_wait)
        assert folded == 2
        assert second.result(10) == 0
        assert run_in_unit_of_work(read_cash_row) == -150
        assert run_verification() == []


def test_postings_go_on_while_a_fold_is_open(fresh_app: Flask) -> None:
    """Top-ups neither wait for a fold nor are taken by it, and readers see each delta exactly once."""
    ana = make_person(fresh_app, balance="100")

    def top_up_meanwhile() -> Decimal:
        with fresh_app.app_context():
            make(ana.caller, top_up(ana.account_id, "11"))
            return run_in_unit_of_work(read_cash)

    with ThreadPoolExecutor(1) as pool, fresh_app.app_context():

        def fold_and_top_up(session: Session) -> Decimal:
            assert fold_system_deltas(session) == 1
            return pool.submit(top_up_meanwhile).result(10)

        assert run_in_unit_of_work(fold_and_top_up) == -111
        assert run_in_unit_of_work(read_cash_row) == -100
        assert run_in_unit_of_work(fold_system_deltas) == 1
        assert run_in_unit_of_work(read_cash_row) == -111


def test_folds_and_postings_racing_lose_nothing(fresh_app: Flask) -> None:
    people = [make_person(fresh_app) for _ in range(4)]
    done = threading.Event()
    seen: list[Decimal] = []

    def post(person_number: int) -> None:
        person = people[person_number]
        with fresh_app.app_context():
            for _ in range(25):
                make(person.caller, top_up(person.account_id, "2"))
                make(person.caller, withdrawal(person.account_id, "1"))

    def repeat(work: Callable[[Session], Decimal | int]) -> list[Decimal | int]:
        with fresh_app.app_context():
            results = []
            while not done.is_set():
                results.append(run_in_unit_of_work(work))
            return results

    with ThreadPoolExecutor(7) as pool:
        folds = [pool.submit(repeat, fold_system_deltas) for _ in range(2)]
        reader = pool.submit(repeat, read_cash)
        for posted in [pool.submit(post, number) for number in range(4)]:
            posted.result(60)
        done.set()
        assert sum(sum(fold.result(10)) for fold in folds) > 0
        seen = [Decimal(balance) for balance in reader.result(10)]
    with fresh_app.app_context():
        assert run_in_unit_of_work(read_cash) == -100
        assert all(-104 <= balance <= 0 for balance in seen)
        run_in_unit_of_work(fold_system_deltas)
        assert run_in_unit_of_work(read_cash_row) == -100
        assert run_verification() == []


def test_one_account_is_read_with_its_deltas(fresh_app: Flask) -> None:
    make_person(fresh_app, balance="12.34")
    with fresh_app.app_context():
        cash = run_in_unit_of_work(
            lambda session: session.scalars(
                select(Account).where(Account.kind == "cash", Account.currency == "USD")
            ).one()
        )
        assert run_in_unit_of_work(lambda session: read_system_balance(session, cash)) == Decimal("-12.34")
