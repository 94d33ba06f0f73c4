"""The bundled PostgreSQL starts from whatever state the last one left, and only ever on its own data."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.operations.running_wallet import PROJECT_ROOT, is_running, wait_until
from wallet_app.embedded import (
    EmbeddedDatabaseError,
    address,
    ensure_database,
    load_development_secrets,
    processes,
    start_temporary,
    system_user,
)
from wallet_app.embedded.postgres import PostgresServer

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the server another user")


@pytest.fixture(scope="module")
def made_once(module_directory: Path) -> Path:
    """A data directory with a cluster that was stopped in good order."""
    data_dir = module_directory / "instance"
    with ensure_database(data_dir) as url:
        ask(url, "CREATE TABLE kept AS SELECT 42 AS value")
    return data_dir


@pytest.fixture
def data_dir(made_once: Path, directory: Path) -> Path:
    """A copy of it for one test."""
    copied = directory / "instance"
    shutil.copytree(made_once, copied, ignore=shutil.ignore_patterns("run"))
    if (user := system_user.find_server_user(made_once / "postgres")) is not None:
        system_user.give_tree(copied / "postgres", user)
    return copied


@pytest.fixture
def sleeper(made_once: Path) -> Iterator[int]:
    """The id of a process that is not PostgreSQL but runs as the same user."""
    user = system_user.find_server_user(made_once / "postgres")
    process = subprocess.Popen(["sleep", "600"], user=user.user_id if user else None)
    yield process.pid
    process.kill()
    process.wait()


def ask(url: str, statement: str) -> object:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
    finally:
        connection.close()


def test_a_command_uses_the_server_that_runs(data_dir: Path) -> None:
    with ensure_database(data_dir) as owned:
        with ensure_database(data_dir) as attached:
            assert attached == owned
        assert ask(owned, "SELECT value FROM kept") == 42
    assert address.find_running(data_dir) is None


def test_what_is_committed_is_on_disk(data_dir: Path) -> None:
    with ensure_database(data_dir) as url:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert ask(url, f"SHOW {setting}") == "on"
        assert ask(url, "SHOW listen_addresses") == ""


def test_an_orphan_is_ended_and_replaced(data_dir: Path) -> None:
    orphan = PostgresServer(data_dir)
    orphan.start()
    assert orphan.process is not None
    with ensure_database(data_dir) as url:
        assert orphan.process.wait(10) == 0  # in good order
        assert ask(url, "SELECT value FROM kept") == 42


def test_processes_that_outlive_their_head_are_ended(data_dir: Path) -> None:
    """A backend that computes doesn't notice that its postmaster died, and holds the shared memory."""
    server = PostgresServer(data_dir)
    server.start()
    assert server.process is not None
    connection = psycopg2.connect(server.url)
    busy = connection.get_backend_pid()

    def compute() -> None:
        with pytest.raises(psycopg2.OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM generate_series(1, 10000000000::bigint)")

    thread = threading.Thread(target=compute)
    thread.start()
    active = "SELECT state FROM pg_stat_activity WHERE query LIKE '%generate_series%' AND pid <> pg_backend_pid()"
    wait_until(lambda: ask(server.url, active) == "active", 10, "the backend computes")

    server.process.kill()
    server.process.wait()
    assert is_running(busy)
    server.start()
    thread.join(10)

    assert not is_running(busy)
    assert ask(server.url, "SELECT value FROM kept") == 42
    server.stop()


def test_a_recycled_process_id_does_no_harm(data_dir: Path, sleeper: int) -> None:
    """After a power cut the noted id may belong to any program, even one of the same user."""
    server = PostgresServer(data_dir)
    server.start()
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    for path in (data_dir / "postgres" / "postmaster.pid", *(data_dir / "run").glob("*.lock")):
        _, _, rest = path.read_text().partition("\n")
        path.write_text(f"{sleeper}\n{rest}")

    with ensure_database(data_dir) as url:
        assert ask(url, "SELECT value FROM kept") == 42
    assert is_running(sleeper)


def test_an_empty_postmaster_file_does_no_harm(data_dir: Path) -> None:
    (data_dir / "postgres" / "postmaster.pid").write_text("")
    with ensure_database(data_dir) as url:
        assert ask(url, "SELECT value FROM kept") == 42


def test_another_directorys_server_is_not_taken_for_ours(data_dir: Path, made_once: Path) -> None:
    with ensure_database(made_once):
        noted = (made_once / "postgres" / "postmaster.pid").read_text()
        (data_dir / "postgres" / "postmaster.pid").write_text(noted)
        assert address.find_running(data_dir) is None
        with ensure_database(data_dir) as url:
            assert str(data_dir) in url
        assert address.find_running(made_once) is not None


def test_half_a_cluster_is_never_used(directory: Path) -> None:
    (directory / "instance" / "postgres.partial" / "base").mkdir(parents=True)
    with ensure_database(directory / "instance") as url:
        assert ask(url, "SELECT 1") == 1
    assert not (directory / "instance" / "postgres.partial").exists()


def test_another_versions_cluster_is_refused_in_words(data_dir: Path) -> None:
    (data_dir / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedDatabaseError, match=r"made by PostgreSQL 17; the bundled one is 18"):
        ensure_database(data_dir).__enter__()


def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    (data_dir / "postgres" / "global" / "pg_control").write_bytes(b"damaged")
    with pytest.raises(EmbeddedDatabaseError, match=r"(?s)PostgreSQL ended while starting.*pg_control"):
        ensure_database(data_dir).__enter__()


def test_an_owner_that_never_answers_is_named(directory: Path) -> None:
    lock = processes.find_lock(directory / "postgres.lock")
    assert lock is not None
    with pytest.raises(EmbeddedDatabaseError, match=rf"Process {os.getpid()} owns the database"):
        ensure_database(directory, timeout_seconds=0.3).__enter__()
    lock.release()


def test_a_deep_directory_gets_a_short_socket(directory: Path) -> None:
    data_dir = directory / ("deep" * 30) / "instance"
    with ensure_database(data_dir) as url:
        assert ask(url, "SHOW data_directory") == str(data_dir / "postgres")
        socket_dir = Path(str(ask(url, "SHOW unix_socket_directories")))
        assert len(str(socket_dir)) < 80
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700


@needs_root
def test_private_parents_are_opened_for_passing_through_only(directory: Path) -> None:
    private = directory / "private"
    private.mkdir(mode=0o700)
    with ensure_database(private / "instance"):
        pass
    assert stat.S_IMODE(private.stat().st_mode) == 0o701
    assert stat.S_IMODE((private / "instance" / "postgres").stat().st_mode) == 0o700


def test_a_temporary_server_ends_with_its_owner_even_when_that_is_killed() -> None:
    script = (
        "import sys\n"
        "from wallet_app.embedded import start_temporary\n"
        "with start_temporary() as url:\n"
        "    print(url, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    assert owner.stdin is not None
    url = owner.stdout.readline().strip()
    postmaster = int(str(ask(url, "SELECT pg_read_file('postmaster.pid')")).split("\n")[0])
    directory = Path(str(ask(url, "SHOW data_directory"))).parent

    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdin.close()
    owner.stdout.close()

    wait_until(lambda: not is_running(postmaster), 20, "the orphaned server ended")
    shutil.rmtree(directory)


def test_a_temporary_server_leaves_nothing() -> None:
    with start_temporary() as url:
        directory = Path(str(ask(url, "SHOW data_directory"))).parent
        ask(url, "CREATE DATABASE another TEMPLATE wallet")
    assert not directory.exists()


def test_secrets_are_made_once_and_kept_private(directory: Path) -> None:
    results: list[dict[str, str]] = []
    threads = [threading.Thread(target=lambda: results.append(load_development_secrets(directory))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result == results[0] for result in results)
    assert {name: len(value) for name, value in results[0].items()} == {
        "SECRET_KEY": 64,
        "JWT_SECRET_KEY": 64,
    }
    assert [path.name for path in directory.iterdir()] == ["secrets.json"]
    assert stat.S_IMODE((directory / "secrets.json").stat().st_mode) == 0o600
