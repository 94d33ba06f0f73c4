"""What machines ask the product itself: is it up, is it ready, its metrics, its description."""

from functools import lru_cache
from pathlib import Path

from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app
from sqlalchemy.exc import SQLAlchemyError

from wallet_app.api.answers import reply
from wallet_app.api.openapi import build_document
from wallet_app.extensions import db
from wallet_app.observability import render_metrics

system = Blueprint("system", __name__)


@system.get("/health")
def show_health() -> Response:
    """Whether the process is up; it looks no further."""
    return reply({"status": "ok"})


@system.get("/health/ready")
def show_readiness() -> Response:
    """Whether requests can be served: the database answers and its migrations are current."""
    try:
        with db.engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError:
        return reply({"status": "unavailable", "database": "unreachable"}, 503, {"Retry-After": "1"})
    newest = _find_newest_migration()
    if current != newest:
        return reply(
            {"status": "unavailable", "database": "reachable", "migration": current, "newest": newest},
            503,
            {"Retry-After": "5"},
        )
    return reply({"status": "ready", "database": "reachable", "migration": current})


@lru_cache(maxsize=1)
def _find_newest_migration() -> str | None:
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(current_app.root_path).parent / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head()


@system.get("/metrics")
def show_metrics() -> Response:
    """Prometheus metrics."""
    return render_metrics()


@system.get("/openapi.json")
def show_openapi() -> Response:
    """The API's description in OpenAPI 3.1."""
    return reply(build_document())
