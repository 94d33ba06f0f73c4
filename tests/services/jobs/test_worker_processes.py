"""Real workers, killed and asked to end, on a real PostgreSQL that crashes."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from flask_migrate import upgrade

from tests.conftest import clone_database, make_config
from wallet_app import create_app
from wallet_app.embedded.postgres import THROWAWAY_SETTINGS, PostgresServer
from wallet_app.extensions import db
from wallet_app.jobs.app import connect_job_app

pytestmark = pytest.mark.slow

SLOW_WORKER = ("-m", "tests.services.jobs.slow_worker")
WORKER = ("-m", "flask", "worker")
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program of ours on a database, and ends it after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start_one(arguments: tuple[str, ...], url: str) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "DATABASE_URL": url, "WALLET_ENV": "testing", "FLASK_APP": "wsgi"}
        started.append(subprocess.Popen([sys.executable, *arguments], env=environment))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.wait()


def read(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


def wait_until(holds: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.1)


@pytest.fixture
def url() -> Iterator[str]:
    with clone_database() as url:
        yield url


def count_finished(url: str, task: str) -> int:
    statement = f"SELECT count(*) FROM procrastinate_jobs WHERE task_name = '{task}' AND status = 'succeeded'"
    return int(str(read(url, statement)[0][0]))


@pytest.mark.parametrize(("signal_number", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 1)])
def test_a_worker_ended_in_the_middle_is_followed_by_one_that_finishes(
    url: str, start: Start, signal_number: signal.Signals, status: int
) -> None:
    """Killed, or asked to end in a job that does not end."""
    read(url, "CREATE TABLE tries (process_id integer)")
    with connect_job_app(url) as app, app.open():
        app.configure_task("test.slow_at_first").defer()
    first = start(SLOW_WORKER, url)
    wait_until(lambda: read(url, "SELECT * FROM tries"), 30)

    first.send_signal(signal_number)
    assert first.wait(12) == status
    second = start(SLOW_WORKER, url)

    wait_until(lambda: count_finished(url, "test.slow_at_first"), 60)
    assert read(url, "SELECT process_id FROM tries") == [(first.pid,), (second.pid,)]
    assert second.poll() is None


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_ends_in_good_order(url: str, start: Start, signal_number: signal.Signals) -> None:
    worker = start(WORKER, url)
    wait_until(lambda: count_finished(url, "ledger.fold_system_deltas"), 30)

    worker.send_signal(signal_number)

    assert worker.wait(10) == 0
    assert read(url, "SELECT * FROM procrastinate_workers") == []
    assert read(url, "SELECT * FROM procrastinate_jobs WHERE status = 'doing'") == []


def test_asked_to_end_while_the_database_is_gone_it_ends(tmp_path: Path, start: Start) -> None:
    worker = start(WORKER, f"postgresql://wallet@/wallet?host={tmp_path}")
    time.sleep(3)

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(10) in {0, 1, -signal.SIGTERM}


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of the test's own, to be killed."""
    # Not tmp_path: every pytest that starts takes away others' right to pass through its parent directory.
    with tempfile.TemporaryDirectory(prefix="wallet-worker-") as data_dir:
        Path(data_dir).chmod(0o711)
        server = PostgresServer(Path(data_dir), settings=THROWAWAY_SETTINGS)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def test_after_a_crash_of_postgresql_jobs_go_on(server: PostgresServer, start: Start) -> None:
    """The worker reconnects, or ends with 1 and the next one goes on; it never hangs."""
    app = create_app(make_config(server.url))
    with app.app_context():
        upgrade()
        db.engine.dispose()
    worker = start(WORKER, server.url)
    wait_until(lambda: count_finished(server.url, "ledger.fold_system_deltas"), 30)

    for pause_s in (0, 3):
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        time.sleep(pause_s)
        server.start()
        before = count_finished(server.url, "ledger.fold_system_deltas")
        deadline = time.monotonic() + 60
        while count_finished(server.url, "ledger.fold_system_deltas") == before:
            assert time.monotonic() < deadline, "the worker hangs"
            if worker.poll() is not None:
                assert worker.returncode == 1
                worker = start(WORKER, server.url)
            time.sleep(0.2)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
