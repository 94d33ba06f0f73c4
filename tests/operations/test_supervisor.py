"""`make run` for real: what dies comes back, what is stopped leaves nothing, what was promised stays."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import clone_database
from tests.operations.running_wallet import PROJECT_ROOT, RunningWallet, is_running, wait_until

pytestmark = pytest.mark.slow

PERSON = {"email": "kept@wallet.example", "password": "a long enough passphrase 42", "full_name": "Kept"}


@pytest.fixture(scope="module")
def data_dir(module_directory: Path) -> Path:
    """One data directory for the whole module, so that the demo data is made once."""
    return module_directory / "instance"


@pytest.fixture(scope="module")
def shared_wallet(data_dir: Path) -> Iterator[RunningWallet]:
    wallet = RunningWallet(data_dir)
    yield wallet
    wallet.clean_up()


@pytest.fixture
def wallet(shared_wallet: RunningWallet) -> RunningWallet:
    """A wallet that runs and serves, whatever the test before did to it."""
    if shared_wallet.process is None or shared_wallet.has_ended():
        shared_wallet.start()
        shared_wallet.wait_until_welcome()
    shared_wallet.wait_until_ready()
    return shared_wallet


def test_it_says_where_to_go_and_who_can_sign_in(wallet: RunningWallet) -> None:
    welcome = wallet.output[wallet.output.index("The wallet is running") :]
    for path in ("/", "/docs", "/backoffice/"):
        assert f"http://127.0.0.1:{wallet.port}{path} " in welcome
    for name in ("admin", "operations", "support", "analyst", "analyst2", "auditor", "ana", "bo", "mei"):
        assert f" {name}@wallet.example" in welcome
    assert "demo-wallet-2026" in welcome


def test_its_secrets_are_for_its_owner_only(wallet: RunningWallet) -> None:
    assert (wallet.data_dir / "secrets.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["postgres", "web", "worker"])
def test_a_killed_process_comes_back(wallet: RunningWallet, name: str) -> None:
    killed = wallet.process_ids[name]

    os.kill(killed, signal.SIGKILL)

    wait_until(lambda: wallet.process_ids.get(name, killed) != killed, 30, f"{name} started again")
    wallet.wait_until_ready()
    assert is_running(wallet.process_ids[name])
    assert not wallet.has_ended()


def test_a_killed_gunicorn_worker_comes_back(wallet: RunningWallet) -> None:
    master = psutil.Process(wallet.process_ids["web"])
    killed = master.children()

    for worker in killed:
        worker.kill()

    wait_until(
        lambda: len(set(master.children()) - set(killed)) >= len(killed),
        30,
        "gunicorn's workers started again",
    )
    wallet.wait_until_ready()
    assert wallet.process_ids["web"] == master.pid


def test_a_killed_database_process_comes_back(wallet: RunningWallet) -> None:
    """Not the head but one of its own: PostgreSQL recovers by itself, and the wallet with it."""
    postmaster = psutil.Process(wallet.process_ids["postgres"])
    checkpointer = next(p for p in postmaster.children() if "checkpointer" in " ".join(p.cmdline()))

    checkpointer.kill()

    wait_until(lambda: not checkpointer.is_running(), 10, "the checkpointer gone")
    wallet.wait_until_ready()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the server a user that can be locked out")
def test_a_database_whose_recovery_crashes_comes_back(wallet: RunningWallet) -> None:
    """PostgreSQL 18 then hangs, neither dead nor alive; whoever watches only for its end waits for ever."""
    killed = wallet.process_ids["postgres"]
    checkpointer = next(p for p in psutil.Process(killed).children() if "checkpointer" in " ".join(p.cmdline()))
    wallet.data_dir.chmod(0o700)  # so that the recovery can't read its files; a start opens it again

    checkpointer.kill()

    wait_until(lambda: wallet.process_ids.get("postgres", killed) != killed, 90, "PostgreSQL started again")
    wallet.wait_until_ready()


def test_a_second_supervisor_on_the_same_data_refuses(wallet: RunningWallet) -> None:
    second = RunningWallet(wallet.data_dir)
    second.log_path = wallet.data_dir.parent / "second.output"

    before = wallet.process_ids
    second.start()

    assert second.wait_until_ended(30) == 1
    assert f"already runs on {wallet.data_dir} (process {before['supervisor']})" in second.output
    # Not the worker: one that still suffers from a database killed earlier may be replaced at this very moment.
    after = wallet.process_ids
    for name in ("supervisor", "postgres", "web"):
        assert after[name] == before[name]
    wallet.wait_until_ready(10)


def test_a_second_copy_runs_beside_the_first(wallet: RunningWallet, directory: Path) -> None:
    second = RunningWallet(directory / "d" / ("deep" * 25) / "instance")  # too long for a socket's path
    second.data_dir.parent.mkdir(parents=True)
    try:
        second.start(WALLET_ENV="testing")
        second.wait_until_welcome()
        assert second.is_ready()
        wallet.wait_until_ready(10)
        second.press_ctrl_c()
        assert second.wait_until_ended() == 0
        assert second.list_processes() == []
    finally:
        second.clean_up()


def test_a_port_in_use_is_said_plainly(directory: Path) -> None:
    other = RunningWallet(directory / "instance")
    with socket.create_server(("127.0.0.1", other.port)):
        other.start()
        assert other.wait_until_ended(30) == 1
    assert f"Port {other.port} on 127.0.0.1 can't be used: Address already in use." in other.output
    assert other.list_processes() == []


def test_production_refuses_the_bundled_database(directory: Path) -> None:
    other = RunningWallet(directory / "instance")
    other.start(WALLET_ENV="production")
    assert other.wait_until_ended(30) == 1
    assert "DATABASE_URL is not set" in other.output
    assert other.list_processes() == []


def test_production_runs_on_a_database_of_its_own(directory: Path) -> None:
    other = RunningWallet(directory / "instance")
    with clone_database() as url:
        secrets = {"SECRET_KEY": "s" * 48, "JWT_SECRET_KEY": "j" * 48}
        try:
            other.start(WALLET_ENV="production", DATABASE_URL=url, **secrets)
            other.wait_until_welcome()
            assert set(other.process_ids) == {"supervisor", "web", "worker"}
            assert "wallet.example" not in other.output
            assert other.is_ready()
            other.press_ctrl_c()
            assert other.wait_until_ended() == 0
            assert other.list_processes() == []
        finally:
            other.clean_up()
    assert not (other.data_dir / "secrets.json").exists()


def test_a_command_by_hand_needs_no_settings(wallet: RunningWallet, data_dir: Path) -> None:
    """It uses the database that runs, or starts it for its own duration."""
    assert verify_ledger(data_dir) == 0
    wallet.wait_until_ready(10)

    wallet.signal(signal.SIGTERM)
    wallet.wait_until_ended()
    assert verify_ledger(data_dir) == 0
    assert wallet.list_processes() == []


def verify_ledger(data_dir: Path) -> int:
    environment = {"WALLET_DATA_DIR": str(data_dir), "FLASK_APP": "wsgi", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "flask", "verify-ledger"]
    return subprocess.run(command, check=False, cwd=PROJECT_ROOT, env=environment, timeout=120).returncode


def test_after_kill_9_nothing_is_lost_and_the_next_start_recovers(wallet: RunningWallet) -> None:
    status, _ = wallet.call("POST", "/api/v1/auth/register", {**PERSON})
    assert status == 201
    first_ids = wallet.process_ids

    wallet.signal(signal.SIGKILL)
    wallet.wait_until_ended()
    wallet.start()
    wallet.wait_until_welcome()

    wallet.wait_until_ready()
    assert set(wallet.process_ids.values()).isdisjoint(first_ids.values())
    assert not any(is_running(process_id) for process_id in first_ids.values())
    credentials = {"email": PERSON["email"], "password": PERSON["password"]}
    assert wallet.call("POST", "/api/v1/auth/login", {**credentials})[0] == 200


def test_after_kill_9_of_everything_at_once_the_next_start_recovers(wallet: RunningWallet) -> None:
    for process_id in wallet.process_ids.values():
        os.kill(process_id, signal.SIGKILL)
    wallet.wait_until_ended()

    wallet.start()
    wallet.wait_until_welcome()

    wallet.wait_until_ready()
    credentials = {"email": PERSON["email"], "password": PERSON["password"]}
    assert wallet.call("POST", "/api/v1/auth/login", {**credentials})[0] == 200


@pytest.mark.parametrize("how", ["ctrl-c", "term"])
def test_asked_to_stop_it_leaves_no_process(wallet: RunningWallet, how: str) -> None:
    assert len(wallet.list_processes()) >= 4

    if how == "ctrl-c":
        wallet.press_ctrl_c()
    else:
        wallet.signal(signal.SIGTERM)

    assert wallet.wait_until_ended() == 0
    assert wallet.list_processes() == []
    assert not (wallet.data_dir / "pids.json").exists()
    assert not (wallet.data_dir / "postgres" / "postmaster.pid").exists()


@pytest.fixture
def made(shared_wallet: RunningWallet) -> RunningWallet:
    """The same wallet, started by make."""
    if shared_wallet.process is not None and not shared_wallet.has_ended():
        shared_wallet.signal(signal.SIGTERM)
        shared_wallet.wait_until_ended()
    began = time.monotonic()
    shared_wallet.start(("make", "run"))
    shared_wallet.wait_until_welcome()
    assert time.monotonic() - began < 45  # 10 on a machine that does nothing else
    return shared_wallet


def test_ctrl_c_in_make_run_ends_cleanly(made: RunningWallet) -> None:
    made.press_ctrl_c()
    made.wait_until_ended()
    assert made.output.rstrip().endswith("Stopped.")
    assert "***" not in made.output
    assert "Traceback" not in made.output
    assert made.list_processes() == []


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGKILL])
def test_make_alone_signalled_takes_the_wallet_with_it(made: RunningWallet, signal_number: signal.Signals) -> None:
    made.signal(signal_number)
    made.wait_until_ended()
    wait_until(lambda: made.list_processes() == [], 60, "everything ended")
