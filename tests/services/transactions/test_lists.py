"""Lists of moves: each decision sees those before it, and one account many times over stays in step."""

from datetime import timedelta
from decimal import Decimal

from flask import Flask

from tests.moves import make, render, reversal, run, top_up, transfer, withdrawal
from tests.people import make_person
from tests.services.transactions.conftest import World
from wallet_app import clock
from wallet_app.transactions.moves import Refused
from wallet_app.transactions.pipeline import Moved, Result
from wallet_app.transactions.verify import run_verification


def list_codes(results: list[Result]) -> list[str]:
    return [
        result.outcome.problem.code if isinstance(result.outcome, Refused) else type(result.outcome).__name__
        for result in results
    ]


def test_an_empty_list_is_no_work(world: World) -> None:
    before = world.take_stock()
    assert run(world.ana.caller, []) == []
    assert world.take_stock() == before


def test_each_decision_sees_those_before_it(world: World) -> None:
    ana, bo = world.ana.account_id, world.bo.account_id
    shared = [
        transfer(ana, bo, "60"),
        transfer(ana, bo, "60"),
        top_up(ana, "20"),
        transfer(ana, bo, "60"),
        withdrawal(ana, "0.01"),
    ]
    assert list_codes(run(world.ana.caller, shared)) == [
        "Moved",
        "INSUFFICIENT_FUNDS",
        "Moved",
        "Moved",
        "INSUFFICIENT_FUNDS",
    ]
    assert world.read_balances() == ("0.00", "120.00")


def test_the_second_reversal_in_a_list_sees_the_first(world: World) -> None:
    sent = make(world.ana.caller, transfer(world.ana.account_id, world.bo.account_id, "30"))
    twice = [reversal(sent), reversal(sent)]
    assert list_codes(run(world.operations.caller, twice)) == ["Moved", "ALREADY_REVERSED"]
    assert world.read_balances() == ("100.00", "0.00")


def test_a_reversal_sees_what_the_list_spent_before_it(world: World) -> None:
    sent = make(world.ana.caller, transfer(world.ana.account_id, world.bo.account_id, "30"))
    moves = [withdrawal(world.bo.account_id, "1"), reversal(sent), top_up(world.bo.account_id, "1"), reversal(sent)]
    assert list_codes(run(world.operations.caller, moves)) == ["Moved", "INSUFFICIENT_FUNDS", "Moved", "Moved"]
    assert world.read_balances() == ("100.00", "0.00")


def test_one_account_a_hundred_times_gets_gapless_numbers(world: World) -> None:
    """Different names of an account (id, number, email) are one account, with one running balance."""
    ana, bo = world.ana, world.bo
    moves = []
    for step in range(50):
        there = transfer(ana.account_id, bo.account_id, "1.00")
        moves += [there, top_up(ana.account_id, f"{step % 7 + 1}.00")]
    results = run(ana.caller, moves)
    assert all(isinstance(result.outcome, Moved) for result in results)
    entries = world.list_entries(ana)
    assert [entry.entry_number for entry in entries] == list(range(1, 102))
    running = Decimal(0)
    for entry in entries:
        running += entry.amount
        assert entry.balance_after == running
    assert world.read_account(ana).entry_count == 101
    assert [entry.entry_number for entry in world.list_entries(bo)] == list(range(1, 51))


def test_results_come_in_the_order_of_the_requests(world: World) -> None:
    amounts = ["3", "1", "2", "500", "4"]
    results = run(world.ana.caller, [withdrawal(world.ana.account_id, amount) for amount in amounts])
    made = [str(result.outcome.transaction.amount) if isinstance(result.outcome, Moved) else None for result in results]
    assert made == ["3", "1", "2", None, "4"]
    for result in results:
        assert isinstance(result.outcome, Moved | Refused)
        assert result.answer == render(result.outcome)


def test_a_list_in_three_currencies_with_their_own_digits(fresh_app: Flask) -> None:
    people = {
        currency: make_person(fresh_app, currency=currency, balance=balance)
        for currency, balance in (("JPY", "1000"), ("USD", "10.50"), ("KWD", "3.125"))
    }
    operations = make_person(fresh_app)
    with fresh_app.app_context():
        for currency, amount in (("JPY", "1"), ("USD", "0.01"), ("KWD", "0.001")):
            person = people[currency]
            other = make_person(fresh_app, currency=currency)
            make(person.caller, transfer(person.account_id, other.account_id, amount, currency))
        assert run_verification() == []
    assert operations.account_id is not None


def test_time_stands_still_within_a_list(world: World) -> None:
    results = run(world.ana.caller, [top_up(world.ana.account_id, "1") for _ in range(5)])
    times = {result.outcome.transaction.completed_at for result in results if isinstance(result.outcome, Moved)}
    assert len(times) == 1


def test_no_entry_lies_before_the_one_before_it(world: World) -> None:
    """The clock steps back by an hour: the account's time does not, and each entry keeps its transaction's time."""
    last = world.list_entries(world.ana)[-1].created_at
    with clock.at(last - timedelta(hours=1)):
        made = make(world.ana.caller, transfer(world.ana.account_id, world.bo.account_id, "1"))
    assert made.created_at == made.completed_at == last
    ana, bo = world.list_entries(world.ana)[-1], world.list_entries(world.bo)[-1]
    assert ana.created_at == bo.created_at == last
    assert world.read_account(world.bo).last_moved_at == last
    with clock.at(last + timedelta(seconds=1)) as later:
        make(world.ana.caller, transfer(world.ana.account_id, world.bo.account_id, "1"))
    assert world.list_entries(world.bo)[-1].created_at == later


def test_a_clock_that_is_behind_holds_for_a_reversal_too(world: World) -> None:
    sent = make(world.ana.caller, transfer(world.ana.account_id, world.bo.account_id, "1"))
    with clock.at(sent.created_at - timedelta(days=1)):
        back = make(world.bo.caller, reversal(sent))
    assert back.created_at >= sent.created_at
