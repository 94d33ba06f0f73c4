"""One PostgreSQL for the run, one migrated template database, and a clone of it for each worker.

Tests share their worker's database and make people of their own; TRUNCATE is forbidden where it matters. A test that
plants a fault takes ``fresh_app``, a clone for itself. When a worker is done, its ledger must verify.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from uuid import uuid4

import psycopg2
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from psycopg2 import sql
from sqlalchemy import make_url

from config import Config, load_config
from tests.people import Person, make_person
from wallet_app import create_app
from wallet_app.embedded import start_temporary
from wallet_app.extensions import db
from wallet_app.identity.permissions import Role
from wallet_app.transactions.verify import run_verification

TEMPLATE = "wallet_template"
SECRETS = {"SECRET_KEY": "s" * 40, "JWT_SECRET_KEY": "j" * 40}

_server = contextlib.ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """The controller starts the server and builds the template; workers inherit its address."""
    if hasattr(config, "workerinput"):
        return
    if "TEST_DATABASE_URL" not in os.environ:
        os.environ["TEST_DATABASE_URL"] = _server.enter_context(start_temporary())
    template = f"{TEMPLATE}_{os.getpid()}"
    os.environ["TEST_TEMPLATE"] = template
    _run_sql("CREATE DATABASE {}", template)
    _server.callback(_run_sql, "DROP DATABASE IF EXISTS {} WITH (FORCE)", template)
    app = create_app(make_config(address_of(template)))
    with app.app_context():
        upgrade()
        db.engine.dispose()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _server.close()


def address_of(database: str) -> str:
    return make_url(os.environ["TEST_DATABASE_URL"]).set(database=database).render_as_string(hide_password=False)


def _run_sql(statement: str, database: str, template: str | None = None) -> None:
    connection = psycopg2.connect(os.environ["TEST_DATABASE_URL"])
    connection.autocommit = True
    names = [sql.Identifier(name) for name in (database, template) if name]
    connection.cursor().execute(sql.SQL(statement).format(*names))
    connection.close()


@contextlib.contextmanager
def clone_database() -> Iterator[str]:
    """A migrated, empty database for as long as the context lasts; yields its address."""
    name = f"wallet_test_{uuid4().hex[:12]}"
    _run_sql("CREATE DATABASE {} TEMPLATE {}", name, os.environ["TEST_TEMPLATE"])
    try:
        yield address_of(name)
    finally:
        _run_sql("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def make_config(database_url: str, **settings: str) -> Config:
    return load_config(
        {"WALLET_ENV": "testing", "DATABASE_URL": database_url, **SECRETS, "LOG_LEVEL": "WARNING", **settings}
    )


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    with clone_database() as url:
        yield url


@pytest.fixture(scope="session")
def app(database_url: str) -> Iterator[Flask]:
    app = create_app(make_config(database_url))
    yield app
    with app.app_context():
        breaks = run_verification()
        db.engine.dispose()
    assert breaks == []


@pytest.fixture
def fresh_app() -> Iterator[Flask]:
    """An app on a database of its own, for tests that plant faults or count everything there is."""
    with clone_database() as url:
        app = create_app(make_config(url))
        yield app
        with app.app_context():
            db.engine.dispose()


@pytest.fixture(autouse=True)
def _push_request_context() -> None:
    """Replaces pytest-flask's: one context for a whole test would sign a second, anonymous client in."""


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Replaces pytest-flask's, which wants a context pushed."""
    return app.test_client()


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """An app context, for tests that call services directly."""
    with app.app_context():
        yield app


@pytest.fixture
def make_customer(app: Flask) -> Callable[..., Person]:
    """Makes customers with an account: ``make_customer(currency="USD", balance="100.00", timezone="UTC")``."""
    return partial(make_person, app, Role.CUSTOMER)


@pytest.fixture
def make_staff(app: Flask) -> Callable[..., Person]:
    """Makes staff: ``make_staff(Role.OPERATIONS)``."""
    return partial(make_person, app)
