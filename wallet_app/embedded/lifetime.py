"""How long a bundled server runs: as long as its owner, and others may use it meanwhile."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wallet_app.embedded import address, processes
from wallet_app.embedded.errors import EmbeddedDatabaseError
from wallet_app.embedded.postgres import THROWAWAY_SETTINGS, PostgresServer

OWNER_LOCK = "postgres.lock"


@contextmanager
def ensure_database(data_dir: Path, *, timeout_seconds: float = 60) -> Iterator[str]:
    """Yields the ``DATABASE_URL`` of the data directory's database.

    Uses the server that runs there (``make run``, another command); if none does, starts one and
    stops it at the end.

    Raises:
        EmbeddedDatabaseError: none can be started, or somebody owns one that doesn't answer.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_seconds
    while (lock := processes.find_lock(data_dir / OWNER_LOCK)) is None:
        if (url := address.find_running(data_dir)) is not None:
            yield url
            return
        if time.monotonic() > deadline:
            owner, _ = processes.read_lock_note(data_dir / OWNER_LOCK)
            raise EmbeddedDatabaseError(
                f"Process {owner} owns the database in {data_dir}, and it has not answered for "
                f"{timeout_seconds:.0f} seconds."
            )
        time.sleep(0.1)
    try:
        server = PostgresServer(data_dir)
        try:
            server.start()
            yield server.url
        finally:
            server.stop()
    finally:
        lock.release()


@contextmanager
def start_temporary() -> Iterator[str]:
    """Yields the ``DATABASE_URL`` of a new, empty server for tests: quick, not durable, gone at the end.

    Its role may create databases. On Linux it also ends when this process is killed.

    Raises:
        EmbeddedDatabaseError: it could not be started.
    """
    data_dir = Path(tempfile.mkdtemp(prefix=f"wallet-test-{os.getpid()}-"))
    data_dir.chmod(0o711)  # as root, the server runs as another user and passes through here
    server = PostgresServer(data_dir, settings=THROWAWAY_SETTINGS)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()
        shutil.rmtree(data_dir, ignore_errors=True)
