"""Where the bundled server listens, and how one tells that it answers."""

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg2

DATABASE_NAME = "wallet"
DATABASE_ROLE = "wallet"

_SOCKET_NAME = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 103  # bytes; macOS allows 103, Linux 107


def build_url(socket_dir: Path, database: str = DATABASE_NAME) -> str:
    """The address of a database behind the socket in this directory."""
    return f"postgresql://{DATABASE_ROLE}@/{database}?host={quote(str(socket_dir))}"


def choose_socket_dir(data_dir: Path) -> Path:
    """``run`` in the data directory; where that is too long for a socket's path, one in the temporary one."""
    beside = data_dir / "run"
    if len(os.fsencode(beside / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH:
        return beside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()).resolve() / f"wallet-{os.geteuid()}-{digest}"


def get_bundled_url(data_dir: Path) -> str:
    """Where the data directory's database listens, when it runs."""
    return build_url(choose_socket_dir(data_dir.resolve()))


def find_running(data_dir: Path) -> str | None:
    """The address of the server that answers for this data directory and no other; None if none does."""
    cluster_dir = data_dir.resolve() / "postgres"
    try:
        lines = (cluster_dir / "postmaster.pid").read_text().splitlines()
        url = build_url(Path(lines[4]))
        return url if _ask(url, "SHOW data_directory") == str(cluster_dir) else None
    except (OSError, IndexError, psycopg2.Error):
        return None


def create_database(socket_dir: Path) -> bool:
    """Makes sure that the database is there; False while the server doesn't answer yet."""
    url = build_url(socket_dir, "postgres")
    try:
        if _ask(url, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE_NAME) is None:
            _ask(url, f"CREATE DATABASE {DATABASE_NAME}")
    except psycopg2.OperationalError:
        return False
    return True


def _ask(url: str, statement: str, *values: str) -> object:
    """The first value a statement answers; None when it answers no row."""
    connection = psycopg2.connect(url, connect_timeout=5)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
    finally:
        connection.close()
