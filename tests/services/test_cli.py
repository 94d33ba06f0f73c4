"""The flask commands, in process and as a person types them."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from config import load_config
from tests.conftest import SECRETS
from tests.people import make_person
from wallet_app import create_app
from wallet_app.embedded import ensure_database
from wallet_app.extensions import db
from wallet_app.identity.permissions import Role
from wallet_app.identity.sessions import verify_credentials
from wallet_app.uow import run_in_unit_of_work

PASSWORD = "a long enough passphrase"


def run(app: Flask, *arguments: str, typed: str | None = None) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=arguments, input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def execute(app: Flask, statement: str) -> None:
    with app.app_context():
        run_in_unit_of_work(lambda session: session.execute(text(statement)))


def test_verify_ledger_says_what_it_looked_at(fresh_app: Flask) -> None:
    make_person(fresh_app, balance="10.00")
    status, output = run(fresh_app, "verify-ledger")
    assert status == 0
    # One customer's, and five of the system's own.
    assert "The ledger is sound: 6 accounts, 1 transactions, 2 entries, 0 holds." in output


def test_verify_ledger_prints_each_break_and_exits_with_1(fresh_app: Flask) -> None:
    people = [make_person(fresh_app, balance="10.00") for _ in range(2)]
    execute(fresh_app, "UPDATE accounts SET balance = balance + 1 WHERE kind = 'customer'")

    status, output = run(fresh_app, "verify-ledger")

    assert status == 1
    assert "2 broken." in output
    for person in people:
        (line,) = (line for line in output.splitlines() if str(person.account_id) in line)
        assert line.startswith("invariant 3 is broken: ")


def test_fold_deltas_counts_what_it_folded(fresh_app: Flask) -> None:
    make_person(fresh_app, balance="10.00")
    assert run(fresh_app, "fold-deltas") == (0, "1 deltas folded.\n")
    assert run(fresh_app, "fold-deltas") == (0, "0 deltas folded.\n")


def test_no_failed_jobs(fresh_app: Flask) -> None:
    assert run(fresh_app, "jobs") == (0, "No job has failed.\n")


@pytest.mark.parametrize("role", sorted(role.value for role in set(Role) - {Role.CUSTOMER}))
def test_create_staff_takes_the_password_from_standard_input(fresh_app: Flask, role: str) -> None:
    arguments = ("create-staff", "Lee@Bank.example", "Lee Wong", role, "--password-stdin")
    assert run(fresh_app, *arguments, typed=f"{PASSWORD}\n") == (0, f"lee@bank.example can sign in as {role}.\n")
    with fresh_app.app_context():
        user = verify_credentials("lee@bank.example", PASSWORD)
        assert (user.role, user.full_name, user.has_demo_password) == (role, "Lee Wong", False)
        events = run_in_unit_of_work(
            lambda session: session.execute(
                text("SELECT action, actor_id, actor_role, object_id FROM audit_events")
            ).all()
        )
        assert [tuple(event) for event in events] == [("user.created", None, "system", user.id)]


def test_create_staff_asks_twice_for_the_password_and_never_shows_it(fresh_app: Flask) -> None:
    typed = f"{PASSWORD}\nanother\n{PASSWORD}\n{PASSWORD}\n"
    status, output = run(fresh_app, "create-staff", "lee@bank.example", "Lee Wong", "admin", typed=typed)
    assert status == 0
    assert PASSWORD not in output
    with fresh_app.app_context():
        assert verify_credentials("lee@bank.example", PASSWORD).role == "admin"


@pytest.mark.parametrize(
    ("arguments", "typed", "complaint"),
    [
        (("lee@bank.example", "Lee", "admin"), "short\n", "A password has "),
        (("lee", "Lee", "admin"), f"{PASSWORD}\n", "Give an email address"),
        (("taken@people.example", "Lee", "admin"), f"{PASSWORD}\n", "registered with this email"),
        (("lee@bank.example", "Lee", "customer"), f"{PASSWORD}\n", "'customer' is not one of"),
    ],
)
def test_create_staff_says_what_is_wrong(
    fresh_app: Flask, arguments: tuple[str, ...], typed: str, complaint: str
) -> None:
    make_person(fresh_app, email="taken@people.example")
    status, output = run(fresh_app, "create-staff", *arguments, "--password-stdin", typed=typed)
    assert status != 0
    assert complaint in output
    assert "Traceback" not in output


def test_production_takes_no_demo_data(fresh_app: Flask) -> None:
    url = fresh_app.config["SQLALCHEMY_DATABASE_URI"]
    environment = {"WALLET_ENV": "production", "DATABASE_URL": url, "LOG_LEVEL": "WARNING", **SECRETS}
    app = create_app(load_config(environment))
    status, output = run(app, "seed")
    assert status == 1
    assert "Production takes no demo data" in output
    assert "flask create-staff" in output
    with app.app_context():
        db.engine.dispose()


def test_an_unmigrated_database_is_said_plainly(fresh_app: Flask) -> None:
    execute(fresh_app, "ALTER TABLE holds RENAME TO elsewhere")
    status, output = run(fresh_app, "verify-ledger")
    assert status == 1
    assert "Run: flask db upgrade" in output


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory of a development copy, with nothing in it."""
    # Not tmp_path: every pytest that starts takes away others' right to pass through its parent directory.
    with tempfile.TemporaryDirectory(prefix="wallet-cli-") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory) / "instance"


def type_command(
    data_dir: Path, *arguments: str, typed: str | None = None, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """Run ``flask …`` as a person would, without DATABASE_URL."""
    ours = {"DATABASE_URL", "TEST_DATABASE_URL", "WALLET_ENV", "SECRET_KEY", "JWT_SECRET_KEY", "DEMO_PASSWORD"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"WALLET_DATA_DIR": str(data_dir), "FLASK_APP": "wsgi", **settings}
    return subprocess.run(
        [sys.executable, "-m", "flask", *arguments],
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_making_an_app_starts_no_database(data_dir: Path) -> None:
    app = create_app(load_config({"WALLET_DATA_DIR": str(data_dir), "LOG_LEVEL": "WARNING"}))
    assert app.config["USES_BUNDLED_DATABASE"]
    assert app.test_client().get("/health").status_code == 200
    assert app.test_client().get("/health/ready").status_code == 503
    assert not data_dir.exists()


@pytest.mark.slow
def test_commands_bring_the_bundled_database_along(data_dir: Path) -> None:
    """They start it where none runs, make its tables, and leave nothing running."""
    verified = type_command(data_dir, "verify-ledger")
    assert verified.returncode == 0, verified.stderr
    assert "The ledger is sound: 0 accounts" in verified.stdout
    assert not (data_dir / "postgres" / "postmaster.pid").exists()

    for command in (("db", "upgrade"), ("fold-deltas",), ("jobs",)):
        result = type_command(data_dir, *command)
        assert result.returncode == 0, result.stderr
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


@pytest.mark.slow
def test_commands_use_the_bundled_database_that_runs(data_dir: Path) -> None:
    with ensure_database(data_dir) as url:
        migrated = type_command(data_dir, "db", "upgrade")
        assert migrated.returncode == 0, migrated.stderr
        created = type_command(
            data_dir, "create-staff", "lee@bank.example", "Lee", "admin", "--password-stdin", typed=f"{PASSWORD}\n"
        )
        assert created.returncode == 0, created.stderr
        app = create_app(load_config({"WALLET_ENV": "testing", "DATABASE_URL": url, **SECRETS, "LOG_LEVEL": "WARNING"}))
        with app.app_context():
            assert verify_credentials("lee@bank.example", PASSWORD).role == "admin"
            db.engine.dispose()
        assert (data_dir / "postgres" / "postmaster.pid").exists()


def test_production_needs_its_own_database(data_dir: Path) -> None:
    result = type_command(data_dir, "verify-ledger", WALLET_ENV="production", **SECRETS)
    assert result.returncode != 0
    assert "DATABASE_URL is not set" in result.stderr
    assert not data_dir.exists()
