"""The wallet as it is served in production, on a database of its own, for as long as a measurement lasts."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection as Connection

from benchmarks.load import LoadClient, Request, Response, build_request
from wallet_app.embedded import ensure_database
from wallet_app.embedded.processes import signal_on_parent_death

PROJECT = Path(__file__).resolve().parent.parent
BUILD = PROJECT / "build"
START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A wallet that serves: where, on which database, and the processes at the head of both."""

    port: int
    database_url: str
    environment: Mapping[str, str]
    web_pid: int
    postgres_pid: int


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database with durable settings, and the environment that points the wallet at it."""

    url: str
    environment: Mapping[str, str]
    postgres_pid: int


@contextmanager
def open_database(settings: Mapping[str, str]) -> Iterator[Database]:
    """A new bundled PostgreSQL with the wallet's tables, under build/ (a real disk) and gone afterwards.

    `settings` are added to the wallet's production environment.
    """
    BUILD.mkdir(exist_ok=True)
    data_dir = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
    try:
        with ensure_database(data_dir) as url:
            environment = {
                **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
                "WALLET_ENV": "production",
                "WALLET_DATA_DIR": str(data_dir),
                "DATABASE_URL": url,
                "SECRET_KEY": secrets.token_hex(32),
                "JWT_SECRET_KEY": secrets.token_hex(32),
                "FLASK_APP": "wsgi",
                **settings,
            }
            run_flask(environment, "db", "upgrade")
            postgres_pid = int((data_dir / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
            yield Database(url, environment, postgres_pid)
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


@contextmanager
def serve_wallet(database: Database) -> Iterator[Server]:
    """gunicorn with the product's own settings on a free port; its output goes to build/bench-web.log.

    Raises RuntimeError when it does not answer within a minute.
    """
    port = find_free_port()
    environment = {**database.environment, "PORT": str(port)}
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    with (BUILD / "bench-web.log").open("wb") as log:
        web = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment,
            stdout=log,
            stderr=log,
            preexec_fn=signal_on_parent_death(signal.SIGTERM),
        )
    try:
        wait_until_ready(port, START_SECONDS, web)
        yield Server(port, database.url, environment, web.pid, database.postgres_pid)
    finally:
        web.terminate()
        web.wait(30)


def run_flask(environment: Mapping[str, str], *arguments: str) -> None:
    """Runs a flask command of the wallet; raises RuntimeError with what it said when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", *arguments],
        cwd=PROJECT,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"flask {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """A plain connection in autocommit, closed afterwards."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()


def find_free_port() -> int:
    """A free port below 32768, where no outgoing connection takes its own from."""
    while True:
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until_ready(port: int, seconds: float, process: subprocess.Popen[bytes] | None = None) -> None:
    """Waits for /health/ready to answer 200; raises RuntimeError when it does not, or the process ends."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"the web server ended with status {process.returncode}")
        if ask_once(port, build_request("GET", "/health/ready")) == 200:
            return
        time.sleep(0.1)
    raise RuntimeError(f"no 200 from /health/ready on port {port} within {seconds:.0f} s")


def ask_once(port: int, data: bytes) -> int:
    """The status of one answer; 0 when there was none."""
    traffic = _Once(data)
    LoadClient("127.0.0.1", port, traffic, clients=1, timeout=5).run(0.5, drain_seconds=5)
    return traffic.status


class _Once:
    def __init__(self, data: bytes) -> None:
        self.data: bytes | None = data
        self.status = 0

    def next_request(self, client: int) -> Request | None:
        data, self.data = self.data, None
        return Request(data) if data else None

    def on_response(self, client: int, request: Request, response: Response) -> Request | None:
        self.status = response.status
        return None

    def on_lost(self, client: int, request: Request) -> Request | None:
        return None
