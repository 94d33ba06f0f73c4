"""Each task does its work, and does no harm when it runs twice."""

import hashlib
import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from procrastinate import App, JobContext
from procrastinate.jobs import Job
from procrastinate.schema import SchemaManager
from sqlalchemy import func, select, text

from tests.people import make_person
from wallet_app import clock
from wallet_app.extensions import db
from wallet_app.identity.models import SignInFailure, SignInSession
from wallet_app.identity.sessions import open_session
from wallet_app.jobs import tasks
from wallet_app.jobs.app import connect_job_app, job_app
from wallet_app.jobs.failed import list_failed_jobs
from wallet_app.jobs.worker import run_worker
from wallet_app.ledger.models import SystemDelta
from wallet_app.ledger.queries import list_system_balances
from wallet_app.transactions.verify import run_verification
from wallet_app.uow import run_in_unit_of_work

PROCRASTINATE_SCHEMA = "c70ec4b400a60ad9"


@job_app.task(name="test.poison")
def be_poisonous() -> None:
    raise RuntimeError("poison")


@job_app.task(name="test.poison_retried", retry=tasks.RETRY)
def be_poisonous_again_and_again() -> None:
    raise RuntimeError("poison")


@job_app.task(name="test.unstorable", pass_context=True)
def lose_the_place_for_the_outcome(context: JobContext) -> None:
    read("DELETE FROM procrastinate_jobs WHERE id = :id RETURNING id", id=context.job.id)


@job_app.task(name="test.count_people")
def count_people() -> int:
    return int(run_in_unit_of_work(lambda session: session.execute(text("SELECT count(*) FROM users")).scalar_one()))


def read(statement: str, **values: object) -> list[tuple[object, ...]]:
    return run_in_unit_of_work(lambda session: [tuple(row) for row in session.execute(text(statement), values)])


def run_jobs(app: Flask) -> bool:
    return run_worker(app.config["SQLALCHEMY_DATABASE_URI"], app.app_context, wait=False)


@pytest.fixture
def queue(fresh_app: Flask) -> Iterator[App]:
    """The job app, open on a database of its own, within the app's context."""
    with connect_job_app(fresh_app.config["SQLALCHEMY_DATABASE_URI"]) as app, app.open(), fresh_app.app_context():
        yield app


def test_the_worker_knows_its_tasks_and_when_to_run_them() -> None:
    job_app.perform_import_paths()
    schedule = {task.task.name: task.cron for task in job_app.periodic_registry.periodic_tasks.values()}
    assert schedule == {
        "ledger.fold_system_deltas": "* * * * * */10",
        "jobs.take_up_stalled_jobs": "* * * * * */10",
        "identity.delete_stale_sign_in_data": "7 * * * *",
        "jobs.delete_finished_jobs": "17 * * * *",
    }


def test_folding_keeps_every_balance(fresh_app: Flask) -> None:
    for amount in ("10.00", "2.50"):
        make_person(fresh_app, balance=amount)
    with fresh_app.app_context():
        before = run_in_unit_of_work(list_system_balances)

        assert tasks.fold_system_deltas(timestamp=0) == 2
        assert tasks.fold_system_deltas(timestamp=0) == 0

        assert run_in_unit_of_work(list_system_balances) == before
        assert run_in_unit_of_work(lambda session: session.scalar(select(func.count(SystemDelta.id)))) == 0
        assert run_verification() == []


def test_stale_sign_in_data_is_deleted_and_no_other(fresh_app: Flask) -> None:
    person = make_person(fresh_app)
    with fresh_app.app_context():
        with clock.at(clock.now() - timedelta(days=61)):
            open_session(person.id)
        with clock.at(clock.now() - timedelta(days=59)):
            open_session(person.id)
        for minutes in (16, 14):
            failed_at = clock.now() - timedelta(minutes=minutes)
            run_in_unit_of_work(
                lambda session, at=failed_at: session.add(SignInFailure(email=f"{uuid4()}@x.example", failed_at=at))
            )

        assert tasks.delete_stale_sign_in_data(timestamp=0) == 2
        assert tasks.delete_stale_sign_in_data(timestamp=0) == 0

        left = run_in_unit_of_work(
            lambda session: (
                session.scalar(select(func.count(SignInSession.id))),
                session.scalar(select(func.count(SignInFailure.id))),
            )
        )
        assert left == (2, 1)


def test_a_poisoned_job_ends_in_the_list_and_stops_nothing_else(fresh_app: Flask, queue: App) -> None:
    poisoned = queue.configure_task("test.poison").defer()
    sound = queue.configure_task("test.count_people").defer()

    assert run_jobs(fresh_app)

    assert read("SELECT id, status::text FROM procrastinate_jobs WHERE task_name LIKE 'test.%' ORDER BY id") == [
        (poisoned, "failed"),
        (sound, "succeeded"),
    ]
    (failed,) = run_in_unit_of_work(list_failed_jobs)
    assert (failed.id, failed.task, failed.attempts) == (poisoned, "test.poison", 1)
    assert failed.failed_at is not None
    result = fresh_app.test_cli_runner().invoke(args=["jobs"])
    assert f"{poisoned}  test.poison" in result.output
    assert "1 failed jobs." in result.output


def test_a_worker_that_can_not_store_an_outcome_ends(fresh_app: Flask, queue: App) -> None:
    """Otherwise the job would look as if it ran, for as long as the worker lives."""
    queue.configure_task("test.unstorable").defer()
    in_the_end = threading.Timer(20, os.kill, (os.getpid(), signal.SIGTERM))
    in_the_end.start()
    try:
        assert not run_worker(fresh_app.config["SQLALCHEMY_DATABASE_URI"], fresh_app.app_context)
    finally:
        in_the_end.cancel()


def test_a_failing_job_is_tried_again_later(fresh_app: Flask, queue: App) -> None:
    queue.configure_task("test.poison_retried").defer()

    assert run_jobs(fresh_app)

    ((status, attempts, pause),) = read(
        "SELECT status::text, attempts, extract(epoch FROM scheduled_at - now())::float"
        " FROM procrastinate_jobs WHERE task_name = 'test.poison_retried'"
    )
    assert (status, attempts) == ("todo", 1)
    assert 0 < float(str(pause)) <= 3


def test_the_pauses_grow_and_end() -> None:
    decisions = [
        tasks.RETRY.get_retry_decision(
            exception=RuntimeError(),
            job=Job(id=1, queue="default", lock=None, queueing_lock=None, task_name="x", attempts=attempts),
        )
        for attempts in range(tasks.MOST_ATTEMPTS)
    ]
    moments = [decision.retry_at for decision in decisions if decision is not None]
    now = clock.now()
    assert [round((moment - now).total_seconds()) for moment in moments if moment] == [3, 9, 27, 81, 243]
    assert decisions[-1] is None


@pytest.mark.parametrize(("attempts", "status"), [(0, "succeeded"), (tasks.MOST_ATTEMPTS - 1, "failed")])
def test_the_jobs_of_a_dead_worker_are_taken_up_but_not_for_ever(
    fresh_app: Flask, queue: App, attempts: int, status: str
) -> None:
    job_id = queue.configure_task("test.count_people").defer()
    # As a worker leaves it that was killed and then forgotten.
    read(
        "UPDATE procrastinate_jobs SET status = 'doing', attempts = :attempts WHERE id = :id RETURNING id",
        attempts=attempts,
        id=job_id,
    )

    for _ in range(2):
        queue.configure_task("jobs.take_up_stalled_jobs").defer(timestamp=0)
        assert run_jobs(fresh_app)

    assert read("SELECT status::text FROM procrastinate_jobs WHERE id = :id", id=job_id) == [(status,)]


def test_finished_jobs_are_forgotten_after_a_day_and_failed_ones_after_thirty(fresh_app: Flask, queue: App) -> None:
    kept = {}
    for status, hours in (
        ("succeeded", 23), ("succeeded", 25), ("aborted", 25), ("failed", 25), ("failed", 721), ("todo", 9999),
    ):  # fmt: skip
        job_id = queue.configure_task("test.count_people", schedule_in={"days": 1}).defer()
        if status != "todo":
            read("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = :id RETURNING id", id=job_id)
            read(
                "UPDATE procrastinate_jobs SET status = CAST(:status AS procrastinate_job_status)"
                " WHERE id = :id RETURNING id",
                status=status,
                id=job_id,
            )
        read(
            "UPDATE procrastinate_events SET at = now() - make_interval(hours => :hours)"
            " WHERE job_id = :id RETURNING id",
            hours=hours,
            id=job_id,
        )
        kept[job_id] = (status, hours) in {("succeeded", 23), ("failed", 25), ("todo", 9999)}

    for _ in range(2):
        queue.configure_task("jobs.delete_finished_jobs").defer(timestamp=0)
        assert run_jobs(fresh_app)

    left = {row[0] for row in read("SELECT id FROM procrastinate_jobs WHERE task_name = 'test.count_people'")}
    assert left == {job_id for job_id, is_kept in kept.items() if is_kept}


def test_the_queues_schema_is_the_one_that_was_migrated() -> None:
    """When this fails, read the docstring of migrations/versions/0005_jobs.py."""
    assert hashlib.sha256(SchemaManager.get_schema().encode()).hexdigest().startswith(PROCRASTINATE_SCHEMA)


def test_the_migration_can_be_undone_and_done_again(fresh_app: Flask) -> None:
    left = (
        "SELECT relname FROM pg_class WHERE relname LIKE 'procrastinate%' UNION ALL"
        " SELECT proname FROM pg_proc WHERE proname LIKE 'procrastinate%' UNION ALL"
        " SELECT typname FROM pg_type WHERE typname LIKE 'procrastinate%'"
    )
    with fresh_app.app_context():
        there = sorted(map(str, read(left)))
        assert there
        downgrade(revision="0004")
        assert read(left) == []
        upgrade()
        assert sorted(map(str, read(left))) == there
        db.engine.dispose()
