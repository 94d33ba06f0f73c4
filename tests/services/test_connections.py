"""What a restarted, locked or unreachable database does to those who ask it."""

import json
import logging
from collections.abc import Callable
from io import StringIO

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy.exc import DBAPIError

from tests.conftest import clone_database, make_config
from tests.people import Person, make_person
from tests.raw_sql import connect, query
from wallet_app import create_app
from wallet_app.errors import ConfigurationError
from wallet_app.extensions import db
from wallet_app.identity.models import User
from wallet_app.observability import init_logging
from wallet_app.uow import run_in_unit_of_work


def end_all_connections(app: Flask) -> None:
    """As a restart of the server does to every pool."""
    with connect(app) as other:
        query(
            other,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )


def test_a_pool_of_dead_connections_costs_nobody_an_error(fresh_app: Flask) -> None:
    ana, bo = make_person(fresh_app, balance="10"), make_person(fresh_app)
    body = {"type": "transfer", "to_user_email": bo.email, "amount": "1.00", "currency": "USD"}
    with fresh_app.app_context():
        held = [db.engine.connect() for _ in range(4)]
        for connection in held:
            connection.close()
    for ask in (
        lambda: ana.get("/users/me"),
        lambda: ana.post("/transactions", body),
        lambda: fresh_app.test_client().get("/health/ready"),
    ):
        end_all_connections(fresh_app)
        assert ask().status_code in {200, 201}
    assert bo.read_balance() == "1.00"


def test_authentication_does_not_wait_for_ever(fresh_app: Flask) -> None:
    ana = make_person(fresh_app)
    with connect(fresh_app) as other:
        query(other, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        answer = ana.get("/users/me")
        other.rollback()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert ana.get("/users/me").status_code == 200


def test_no_row_is_quoted_in_the_log(context: Flask, make_customer: Callable[..., Person]) -> None:
    ana = make_customer()
    written = StringIO()
    root = logging.getLogger()
    handlers = root.handlers
    init_logging("ERROR")
    root.handlers[0].setStream(written)  # type: ignore[attr-defined]
    try:
        with pytest.raises(DBAPIError) as raised:
            run_in_unit_of_work(lambda session: setattr(session.get_one(User, ana.id), "role", "emperor"))
        assert ana.email in str(raised.value.orig), "the driver quotes the row: else this test shows nothing"
        logging.getLogger("wallet_app").error("unexpected error", exc_info=raised.value)
    finally:
        root.handlers = handlers
    line = json.loads(written.getvalue())
    assert "users_role" in line["exc_info"]
    assert ana.email not in written.getvalue()
    assert "argon2" not in written.getvalue()


def test_production_does_not_start_on_a_database_it_cannot_look_through() -> None:
    config = make_config("postgresql://wallet@127.0.0.1:1/wallet")
    config.ENVIRONMENT = "production"
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        create_app(config)


def test_migrations_keep_their_own_timeouts() -> None:
    """A request's timeouts would cancel a migration in the middle."""
    with clone_database() as url:
        app = create_app(make_config(url, STATEMENT_TIMEOUT_MS="1", LOCK_TIMEOUT_MS="1"))
        with app.app_context():
            downgrade(revision="base")
            upgrade()
            db.engine.dispose()
        with connect(app) as other:
            assert query(other, "SELECT count(*) FROM users") == [(0,)]
