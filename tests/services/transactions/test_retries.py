"""Work that PostgreSQL broke off is run again, and a bounded number of times; waits are bounded too. No mocks."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from flask import Flask
from psycopg2.extensions import connection as Connection
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.conftest import make_config
from tests.moves import keyed, make, run, transfer
from tests.people import Person, make_person
from tests.raw_sql import connect, query, wait_for_lock
from wallet_app import create_app
from wallet_app.errors import IdempotencyInProgress, Unavailable
from wallet_app.extensions import db
from wallet_app.ledger.models import Account
from wallet_app.transactions.pipeline import Moved, Result
from wallet_app.transactions.verify import run_verification
from wallet_app.uow import RETRIES, TRIES, run_in_unit_of_work

LOCK = "SELECT 1 FROM accounts WHERE id = %(id)s FOR UPDATE"
RAISE = "DO $$ BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '{}'; END $$"


@pytest.fixture
def impatient_app(app: Flask) -> Iterator[Flask]:
    """The same database, with a lock timeout of a fifth of a second."""
    impatient = create_app(make_config(app.config["SQLALCHEMY_DATABASE_URI"], LOCK_TIMEOUT_MS="200"))
    yield impatient
    with impatient.app_context():
        db.engine.dispose()


def count_retries() -> float:
    (metric,) = RETRIES.collect()
    return metric.samples[0].value


def test_a_move_that_loses_a_deadlock_is_made_after_all(fresh_app: Flask) -> None:
    """Somebody locks two accounts in the wrong order. The move is the victim, is run again, and moves money once."""
    people = sorted(
        [make_person(fresh_app, balance="100") for _ in range(2)], key=lambda person: str(person.account_id)
    )
    first, second = people
    retries = count_retries()

    def send() -> list[Result]:
        with fresh_app.app_context():
            return run(first.caller, [keyed(transfer(first.account_id, second.account_id, "10"), "k")])

    with connect(fresh_app) as meddler, ThreadPoolExecutor(1) as pool:
        # The move is to look for deadlocks soon, the meddler late, so that it is the move which gives way.
        query(meddler, "ALTER DATABASE " + meddler.info.dbname + " SET deadlock_timeout = '400ms'")
        meddler.commit()
        with fresh_app.app_context():
            db.engine.dispose()
        query(meddler, "SET deadlock_timeout = '1min'")
        query(meddler, LOCK, {"id": second.account_id})
        sent = pool.submit(send)
        wait_for_lock(fresh_app)
        query(meddler, LOCK, {"id": first.account_id})  # granted once the move has given way
        assert not sent.done()
        meddler.rollback()
        (result,) = sent.result(10)
    assert isinstance(result.outcome, Moved)
    assert count_retries() > retries
    assert read_balances(first, second) == ("90.00", "110.00")
    with fresh_app.app_context():
        assert run_verification() == []


def read_balances(*people: Person) -> tuple[str, ...]:
    with people[0].app.app_context():
        accounts = [
            run_in_unit_of_work(lambda session, person=person: session.get_one(Account, person.account_id))
            for person in people
        ]
    return tuple(f"{account.balance:.2f}" for account in accounts)


@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
def test_work_is_tried_five_times_and_no_more(sqlstate: str, context: Flask) -> None:
    tries = []

    def fail(session: Session) -> None:
        tries.append(1)
        session.execute(text(RAISE.format(sqlstate)))

    with pytest.raises(Unavailable):
        run_in_unit_of_work(fail)
    assert len(tries) == TRIES == 5


def test_each_try_begins_anew(make_customer: Callable[..., Person], context: Flask) -> None:
    """What a failed try wrote is gone when the next one begins."""
    ana = make_customer(balance="5")
    seen: list[int] = []

    def work(session: Session) -> str:
        changed = session.execute(
            text("UPDATE accounts SET label = coalesce(label, '') || 'x' WHERE id = :id RETURNING length(label)"),
            {"id": ana.account_id},
        ).scalar_one()
        seen.append(changed)
        if len(seen) < 3:
            session.execute(text(RAISE.format("40001")))
        return "done"

    assert run_in_unit_of_work(work) == "done"
    assert seen == [1, 1, 1]


@pytest.mark.parametrize("sqlstate", ["23505", "23514", "22012", "P0001"])
def test_other_errors_are_not_tried_again(sqlstate: str, context: Flask) -> None:
    tries = []

    def fail(session: Session) -> None:
        tries.append(1)
        session.execute(text(RAISE.format(sqlstate)))

    with pytest.raises(DBAPIError):
        run_in_unit_of_work(fail)
    assert len(tries) == 1


def test_an_error_leaves_the_session_usable(context: Flask) -> None:
    with pytest.raises(ZeroDivisionError):
        run_in_unit_of_work(lambda session: 1 / 0)
    assert run_in_unit_of_work(lambda session: session.scalar(text("SELECT 1"))) == 1


@contextmanager
def held_by_another(app: Flask, statement: str, **parameters: object) -> Iterator[Connection]:
    """Somebody else runs a statement and does not commit."""
    with connect(app) as other:
        query(other, statement, parameters)
        yield other


@pytest.mark.parametrize("locked", ["SELECT 1 FROM accounts WHERE id = %(id)s FOR UPDATE", "owner"])
def test_a_lock_that_stays_taken_is_unavailable(locked: str, impatient_app: Flask) -> None:
    ana, bo = make_person(impatient_app, balance="100"), make_person(impatient_app)
    if locked == "owner":
        held = held_by_another(impatient_app, "SELECT 1 FROM users WHERE id = %(id)s FOR UPDATE", id=ana.id)
    else:
        held = held_by_another(impatient_app, locked, id=bo.account_id)
    move = transfer(ana.account_id, bo.account_id, "10")
    with impatient_app.app_context():
        with held, pytest.raises(Unavailable) as refused:
            run(ana.caller, [keyed(move, "k")])
        assert refused.value.retry_after >= 1
        assert read_balances(ana, bo) == ("100.00", "0.00")
        (result,) = run(ana.caller, [keyed(move, "k")])
    assert isinstance(result.outcome, Moved)


def test_a_key_whose_first_request_is_still_running(impatient_app: Flask) -> None:
    ana, bo = make_person(impatient_app, balance="100"), make_person(impatient_app)
    claim = "INSERT INTO idempotency_keys (caller_id, key, fingerprint, created_at) VALUES (%(caller)s, 'k', '', now())"
    move = transfer(ana.account_id, bo.account_id, "10")
    with impatient_app.app_context():
        with held_by_another(impatient_app, claim, caller=ana.id), pytest.raises(IdempotencyInProgress):
            run(ana.caller, [keyed(move, "k")])
        assert read_balances(ana, bo) == ("100.00", "0.00")
        (result,) = run(ana.caller, [keyed(move, "k")])
    assert isinstance(result.outcome, Moved)


def test_whoever_waits_for_a_key_gets_the_first_answer(app: Flask) -> None:
    """The second request waits for the first to commit, and then answers what it answered."""
    ana, bo = make_person(app, balance="100"), make_person(app)
    answer = "INSERT INTO idempotency_keys VALUES (%(caller)s, 'k', '', 201, '{}', now())"

    def send() -> list[Result]:
        with app.app_context():
            return run(ana.caller, [keyed(transfer(ana.account_id, bo.account_id, "10"), "k")])

    with held_by_another(app, answer, caller=ana.id) as first, ThreadPoolExecutor(1) as pool:
        second = pool.submit(send)
        wait_for_lock(app)
        first.commit()
        (result,) = second.result(10)
    assert (result.answer.status, result.answer.body) == (201, "{}")
    assert read_balances(ana, bo) == ("100.00", "0.00")


def test_whoever_waits_for_a_key_whose_request_fails_does_the_work(app: Flask) -> None:
    ana, bo = make_person(app, balance="100"), make_person(app)
    claim = "INSERT INTO idempotency_keys (caller_id, key, fingerprint, created_at) VALUES (%(caller)s, 'k', '', now())"

    def send() -> list[Result]:
        with app.app_context():
            return run(ana.caller, [keyed(transfer(ana.account_id, bo.account_id, "10"), "k")])

    with held_by_another(app, claim, caller=ana.id) as first, ThreadPoolExecutor(1) as pool:
        second = pool.submit(send)
        wait_for_lock(app)
        first.rollback()
        (result,) = second.result(10)
    assert isinstance(result.outcome, Moved)
    assert read_balances(ana, bo) == ("90.00", "10.00")


def test_a_cut_connection_is_unavailable_and_the_next_one_works(fresh_app: Flask) -> None:
    ana, bo = make_person(fresh_app, balance="100"), make_person(fresh_app)

    def send() -> list[Result]:
        with fresh_app.app_context():
            return run(ana.caller, [keyed(transfer(ana.account_id, bo.account_id, "10"), "k")])

    cut = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    with (
        held_by_another(fresh_app, LOCK, id=bo.account_id),
        connect(fresh_app) as killer,
        ThreadPoolExecutor(1) as pool,
    ):
        sent = pool.submit(send)
        wait_for_lock(fresh_app)
        query(killer, cut)
        with pytest.raises(Unavailable):
            sent.result(10)
    (result,) = send()
    assert isinstance(result.outcome, Moved)
    assert read_balances(ana, bo) == ("90.00", "10.00")
    with fresh_app.app_context():
        make(ana.caller, transfer(ana.account_id, bo.account_id, "1"))
