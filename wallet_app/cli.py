"""The flask commands. Outside production each works without DATABASE_URL: it then uses the bundled database."""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from wallet_app.audit import Actor, record_event
from wallet_app.demo.seeding import seed_demo
from wallet_app.demo.showing import show_progress
from wallet_app.embedded import EmbeddedDatabaseError, ensure_database
from wallet_app.errors import WalletError
from wallet_app.identity.models import User
from wallet_app.identity.passwords import hash_password
from wallet_app.identity.permissions import STAFF, Role
from wallet_app.identity.users import add_user
from wallet_app.jobs.failed import list_failed_jobs
from wallet_app.jobs.worker import make_deadline, run_worker
from wallet_app.ledger.folding import fold_system_deltas
from wallet_app.transactions.verify import run_verification
from wallet_app.uow import get_sqlstate, run_in_unit_of_work

P = ParamSpec("P")

UNDEFINED_TABLE = "42P01"
INVARIANTS = {
    1: "entries sum to zero",
    2: "no account below its floor",
    3: "balances equal their entries",
    5: "held money equals open holds",
    7: "refunds and reversals",
    8: "status and entries agree",
}


def init_commands(app: Flask) -> None:
    """Register the commands."""
    for command in (seed, verify_ledger, worker, fold_deltas, jobs, create_staff):
        app.cli.add_command(command)


@contextmanager
def open_database(app: Flask) -> Iterator[None]:
    """Make sure that the bundled database runs, where it is the one in use: attach to it, or start it meanwhile.

    Raises:
        EmbeddedDatabaseError: it can't be started.
    """
    if not app.config["USES_BUNDLED_DATABASE"]:
        yield
        return
    with ensure_database(app.config["DATA_DIR"]):
        yield


def on_database(command: Callable[P, None]) -> Callable[P, None]:
    """Run a command in the app's context on a database that runs; tell what we raise on purpose in one line.

    The bundled database is brought up to date first, as ``make run`` does.
    """

    @with_appcontext
    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with open_database(current_app):
                if current_app.config["USES_BUNDLED_DATABASE"]:
                    upgrade()
                command(*args, **kwargs)
        except (WalletError, EmbeddedDatabaseError) as error:
            raise click.ClickException(str(error)) from error
        except DBAPIError as error:
            if get_sqlstate(error) == UNDEFINED_TABLE:
                raise click.ClickException("The database lacks tables. Run: flask db upgrade") from error
            if isinstance(error, OperationalError):
                raise click.ClickException(f"The database does not answer: {error.orig}") from error
            raise

    return run


@click.command("seed")
@on_database
def seed() -> None:
    """Add the demo people and their history. Does it once, however often it runs."""
    password = current_app.config["DEMO_PASSWORD"]
    if current_app.config["ENVIRONMENT"] == "production":
        raise click.ClickException(
            "Production takes no demo data: its password is published. "
            "Make a first administrator with: flask create-staff"
        )
    with show_progress(click.echo, is_terminal=sys.stdout.isatty()) as progress:
        seed_demo(password, progress)


@click.command("verify-ledger")
@on_database
def verify_ledger() -> None:
    """Check every invariant over the whole database; exit with 1 if one is broken."""
    breaks = run_verification()
    for found in breaks:
        click.echo(f"invariant {found.invariant} is broken: {found.message} ({' '.join(found.ids)})")
    if breaks:
        click.echo(f"{len(breaks)} broken.", err=True)
        sys.exit(1)
    counts = run_in_unit_of_work(
        lambda session: session.execute(
            text(
                "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM transactions),"
                " (SELECT count(*) FROM entries), (SELECT count(*) FROM holds)"
            )
        ).one()
    )
    click.echo("The ledger is sound: {:,} accounts, {:,} transactions, {:,} entries, {:,} holds.".format(*counts))
    for number, meaning in INVARIANTS.items():
        click.echo(f"  {number}  {meaning}")


@click.command("worker")
@on_database
def worker() -> None:
    """Run jobs until SIGTERM or SIGINT; exit with 1 when something broke and another worker should start."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    ended_well = run_worker(app.config["SQLALCHEMY_DATABASE_URI"], app.app_context)
    make_deadline().start()  # a job's thread that never comes back must not keep the process
    if not ended_well:
        sys.exit(1)


@click.command("fold-deltas")
@on_database
def fold_deltas() -> None:
    """Take the open deltas of the system's accounts into their balances, as the worker does every ten seconds."""
    click.echo(f"{run_in_unit_of_work(fold_system_deltas):,} deltas folded.")


@click.command("jobs")
@on_database
def jobs() -> None:
    """List the jobs that failed for good, the newest first. The worker's log has their errors."""
    failed = run_in_unit_of_work(list_failed_jobs)
    for job in failed:
        click.echo(f"{job.id}  {job.task}  {job.arguments}  {job.attempts} attempts, the last at {job.failed_at}")
    click.echo(f"{len(failed)} failed jobs." if failed else "No job has failed.")


@click.command("create-staff")
@click.argument("email")
@click.argument("full_name")
@click.argument("role", type=click.Choice(sorted(role.value for role in STAFF)))
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
@on_database
def create_staff(email: str, full_name: str, role: str, password_stdin: bool) -> None:
    """Make a member of staff, the first administrator for instance."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    password_hash = hash_password(password)
    user = run_in_unit_of_work(lambda session: _add_staff(session, email, password_hash, full_name, Role(role)))
    click.echo(f"{user.email} can sign in as {user.role}.")


def _add_staff(session: Session, email: str, password_hash: str, full_name: str, role: Role) -> User:
    user = add_user(session, email=email, password_hash=password_hash, full_name=full_name, role=role, profile={})
    # Whoever runs commands on the machine is nobody the wallet knows.
    record_event(
        session,
        Actor(None, "system"),
        "user.created",
        object_type="user",
        object_id=user.id,
        after={"email": user.email, "role": user.role},
    )
    return user
