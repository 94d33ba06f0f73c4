"""The supervisor: one process that owns the database, the web server and the worker."""

import http.client
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from wallet_app.embedded import processes
from wallet_app.embedded.child import Child, describe_status, start_process
from wallet_app.embedded.development import SECRET_NAMES, load_development_secrets
from wallet_app.embedded.errors import EmbeddedDatabaseError, SupervisorError
from wallet_app.embedded.lifetime import OWNER_LOCK
from wallet_app.embedded.postgres import PostgresServer
from wallet_app.embedded.processes import LockedFile
from wallet_app.embedded.settings import Settings
from wallet_app.embedded.waiting import StopRequested, StopSwitch

_READY_SECONDS = 120
_LONGEST_PAUSE_SECONDS = 30
_LOOK_SECONDS = 3
_STOPPING_SECONDS = 90  # how long a predecessor may take to stop


def say(text: str) -> None:
    """Tells the person at the terminal; one who has gone away is no reason to stop."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        return


class Supervisor:
    """Owns everything ``make run`` starts, and ends it."""

    def __init__(self, settings: Settings, *, parent_id: int | None = None) -> None:
        self._settings = settings
        self._switch = StopSwitch(parent_id)
        self._listener: socket.socket | None = None
        self._locks: list[LockedFile] = []
        self._database: PostgresServer | None = None
        self._database_failures = 0
        self._next_look = 0.0
        self._children: list[Child] = []
        self._environment: dict[str, str] = {}

    def run(self) -> int:
        """Starts everything, keeps it running until asked to stop, stops it; answers the exit status."""
        self._switch.install()
        try:
            self._start()
            while True:
                self._revive_patiently()
                self._switch.pause(0.5)
        except StopRequested:
            say("Stopping …")
            return 0
        except (SupervisorError, EmbeddedDatabaseError, OSError) as error:
            say(f"\n{error}")
            return 1
        finally:
            self._stop()

    # Starting

    def _start(self) -> None:
        settings = self._settings
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self._lock_data_dir()
        former = processes.read_process_ids(self._pids_path)
        groups = [process_id for name, process_id in former.items() if name in {"web", "worker"}]
        processes.end_leftovers(groups, settings.data_dir, self._switch.pause)
        listener = self._listener = self._bind()
        self._environment = self._build_environment()
        if settings.database_url is None:
            self._start_database()
        self._run_step("Updating the database's tables", ["flask", "db", "upgrade"])
        if settings.environment == "development":
            self._run_step("Looking after the demo data", ["flask", "seed"])
        self._prepare_metrics()
        self._start_children(listener)
        self._wait_until_ready()
        say(settings.describe())

    def _lock_data_dir(self) -> None:
        """Makes us the only supervisor of this data directory; waits for one that is just stopping."""
        path = self._settings.data_dir / "supervisor.lock"
        deadline = time.monotonic() + _STOPPING_SECONDS
        while (lock := processes.find_lock(path)) is None:
            owner, note = processes.read_lock_note(path)
            if note != "stopping" or time.monotonic() > deadline:
                raise SupervisorError(
                    f"A wallet already runs on {self._settings.data_dir} (process {owner}). Stop it first, "
                    "or start this one elsewhere: WALLET_DATA_DIR=/another/directory PORT=5001 make run"
                )
            self._switch.pause(0.2)
        self._locks.append(lock)

    def _bind(self) -> socket.socket:
        """Takes the port before anything slow begins. The web server inherits it, again after each death."""
        host, port = self._settings.host, self._settings.port
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            listener.close()
            raise SupervisorError(
                f"Port {port} on {host} can't be used: {error.strerror}. Stop what listens there, "
                f"or choose another: PORT={port + 1} make run"
            ) from error
        return listener

    def _build_environment(self) -> dict[str, str]:
        settings = self._settings
        environment = {
            **os.environ,
            "FLASK_APP": "wsgi",
            "WALLET_ENV": settings.environment,
            "WALLET_DATA_DIR": str(settings.data_dir),
            "PORT": str(settings.port),
        }
        if settings.environment != "production":
            own = load_development_secrets(settings.data_dir)
            environment |= {name: own[name] for name in SECRET_NAMES if not environment.get(name)}
        return environment

    def _start_database(self) -> None:
        """Starts the bundled PostgreSQL; waits for a command that uses one on our directory to finish."""
        path = self._settings.data_dir / OWNER_LOCK
        announced = False
        while (lock := processes.find_lock(path)) is None:
            if not announced:
                owner, _ = processes.read_lock_note(path)
                say(f"Process {owner} uses the database of this directory; waiting for it to finish …")
                announced = True
            self._switch.pause(0.2)
        self._locks.append(lock)
        self._database = PostgresServer(self._settings.data_dir)
        say("Starting PostgreSQL …")
        self._database.start(self._switch.pause)
        self._environment["DATABASE_URL"] = self._database.url
        self._write_process_ids()

    def _run_step(self, title: str, arguments: Sequence[str]) -> None:
        """Runs a command to its end.

        Raises:
            SupervisorError: it failed.
        """
        say(f"{title} …")
        process = start_process(arguments, self._environment)
        try:
            while process.poll() is None:
                self._switch.pause(0.5)
        except StopRequested:
            processes.signal_process(process.pid, signal.SIGTERM)
            self._switch.begin_stopping()
            processes.wait_for_exit(process, 10, self._switch.pause)
            processes.signal_group(process.pid, signal.SIGKILL)
            raise
        if process.returncode != 0:
            raise SupervisorError(
                f"`{' '.join(arguments)}` {describe_status(process.returncode)}; see above. The wallet was not started."
            )

    def _prepare_metrics(self) -> None:
        """Gives web and worker one directory to count in, so that /metrics answers for all processes."""
        directory = self._settings.data_dir / "metrics"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        self._environment["PROMETHEUS_MULTIPROC_DIR"] = str(directory)

    def _start_children(self, listener: socket.socket) -> None:
        try:
            listener.listen(2048)
        except OSError as error:
            raise SupervisorError(f"Port {self._settings.port}: {error.strerror}.") from error
        descriptor = listener.fileno()
        web = ["gunicorn", "--config", "gunicorn.conf.py", "--bind", f"fd://{descriptor}", "wsgi:app"]
        self._children = [
            Child("web", web, self._settings.data_dir, inherited_fds=(descriptor,)),
            Child("worker", ["flask", "worker"], self._settings.data_dir),
        ]
        for child in self._children:
            child.start(self._environment)
        self._write_process_ids()

    def _wait_until_ready(self) -> None:
        """Waits for the web server to say that it serves.

        Raises:
            SupervisorError: it does not within two minutes, or dies again and again.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            self._revive()
            if time.monotonic() > deadline or any(child.quick_deaths > 3 for child in self._children):
                raise SupervisorError("The wallet does not become ready; see above. Stopping it again.")
            self._switch.pause(0.2)

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(self._settings.reachable_host, self._settings.port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    # Keeping it running

    def _revive_patiently(self) -> None:
        """A disk that is full or a process that can't be started now is no reason to stop what runs."""
        try:
            self._revive()
        except OSError as error:
            say(f"Trying again: {error}")
            self._switch.pause(5)

    def _revive(self) -> None:
        """Starts again what has died: the database first, as the others can't do without it."""
        if self._database is not None:
            self._end_if_stuck(self._database)
            if self._database.has_ended():
                self._revive_database(self._database)
        for child in self._children:
            child.end_former_groups()
            if child.process is not None and child.has_ended():
                say(child.note_death())
                self._write_process_ids()
            if child.process is None and child.may_start():
                child.start(self._environment)
                self._write_process_ids()

    def _end_if_stuck(self, database: PostgresServer) -> None:
        """Looks every few seconds, as looking through all processes takes some time."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_SECONDS
        if database.is_stuck():
            say("PostgreSQL hangs in its recovery; ending it")
            database.end_at_once(self._switch.pause)

    def _revive_database(self, database: PostgresServer) -> None:
        say(f"PostgreSQL {describe_status(database.exit_status)}; starting it again")
        try:
            database.start(self._switch.pause)
        except EmbeddedDatabaseError as error:
            self._database_failures += 1
            say(str(error))
            self._switch.pause(min(0.5 * 2**self._database_failures, _LONGEST_PAUSE_SECONDS))
            return
        self._database_failures = 0
        self._write_process_ids()
        say("PostgreSQL is back")

    # Stopping

    def _stop(self) -> None:
        """Stops everything we started: those who use the database first, then the database."""
        self._switch.begin_stopping()
        if self._locks:
            self._locks[0].write_note("stopping")
        if self._listener is not None:
            self._listener.close()
        for child in self._children:
            child.stop(self._switch.pause)
        if self._database is not None:
            self._database.stop(self._switch.pause)
        if self._locks:
            self._pids_path.unlink(missing_ok=True)
            say("Stopped.")
        for lock in reversed(self._locks):
            lock.release()

    @property
    def _pids_path(self) -> Path:
        return self._settings.data_dir / "pids.json"

    def _write_process_ids(self) -> None:
        process_ids = {"supervisor": os.getpid()}
        if self._database is not None and self._database.process is not None:
            process_ids["postgres"] = self._database.process.pid
        for child in self._children:
            if child.process is not None:
                process_ids[child.name] = child.process.pid
        processes.write_process_ids(self._pids_path, process_ids)
