"""What machines ask the product itself: is it up, is it ready, its metrics, its description."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app
from sqlalchemy.exc import SQLAlchemyError

from wallet_app.api.answers import reply
from wallet_app.api.endpoint import Who, endpoint
from wallet_app.api.fields import Answer
from wallet_app.api.openapi import build_document
from wallet_app.errors import NotReady, Unavailable
from wallet_app.observability import render_metrics
from wallet_app.uow import run_on_connection

TAG = "System"

system = Blueprint("system", __name__)


class HealthOut(Answer):
    status: Literal["ok"]


class ReadyOut(Answer):
    status: Literal["ready"]
    migration: str


@endpoint(system, "GET", "/health", tag=TAG, who=Who.ANYONE, answers={200: HealthOut}, is_limited=False)
def show_health() -> Response:
    """Tell that the process is up; it looks no further."""
    return reply({"status": "ok"})


@endpoint(
    system, "GET", "/health/ready", tag=TAG, who=Who.ANYONE, answers={200: ReadyOut}, errors=(503,), is_limited=False
)
def show_readiness() -> Response:
    """Tell whether requests can be served: the database answers and its migrations are current."""
    try:
        current = run_on_connection(lambda connection: MigrationContext.configure(connection).get_current_revision())
    except (SQLAlchemyError, Unavailable) as error:
        raise NotReady("The database does not answer.", {"database": "unreachable"}) from error
    newest = _find_newest_migration()
    if current != newest:
        raise NotReady(
            "The database's migrations are not those of this version: run flask db upgrade.",
            {"database": "reachable", "migration": current, "newest": newest},
        )
    return reply({"status": "ready", "migration": current})


@lru_cache(maxsize=1)
def _find_newest_migration() -> str | None:
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(current_app.root_path).parent / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head()


@endpoint(system, "GET", "/metrics", tag=TAG, who=Who.ANYONE, answers={200: "text/plain"}, is_limited=False)
def show_metrics() -> Response:
    """Read the metrics, in Prometheus's text format."""
    return render_metrics()


@endpoint(system, "GET", "/openapi.json", tag=TAG, who=Who.ANYONE, answers={200: "application/json"})
def show_openapi() -> Response:
    """Read this description."""
    return reply(build_document())
