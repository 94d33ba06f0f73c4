"""Seeing what the product does: request ids, one JSON log line a request, metrics. No secret and no personal data."""

import logging
import os
import re
import sys
import time
from functools import lru_cache
from typing import Any
from uuid import uuid4

from flask import Flask, Response, g, request
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pythonjsonlogger.orjson import OrjsonFormatter

log = logging.getLogger("wallet_app.requests")

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
# A client may invent methods; labels must stay few.
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = Counter("wallet_requests", "Requests answered", ["method", "route", "status"])
DURATION = Histogram("wallet_request_seconds", "Time to answer, in seconds", ["route"], buckets=BUCKETS_S)


class _Formatter(OrjsonFormatter):
    """JSON lines whose exceptions carry no row of ours."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """The traceback; of a database's errors only what names no value: DETAIL would quote the whole row."""
        text = str(super().formatException(ei))
        error: BaseException | None = ei[1]
        while error is not None:
            driver_error = getattr(error, "orig", None) or error
            diagnosis = getattr(driver_error, "diag", None)
            if diagnosis is not None:
                told = f"{diagnosis.sqlstate} {diagnosis.message_primary} {diagnosis.constraint_name or ''}".strip()
                text = text.replace(str(error), told)
            error = error.__cause__ or error.__context__
        return text


def init_logging(level: str) -> None:
    """Log JSON lines to standard error, ours and our libraries' alike."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Formatter("{asctime}{levelname}{name}{message}", style="{", rename_fields={"levelname": "level"})
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def init_observability(app: Flask) -> None:
    """Give every request an id, and log and count every answer."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if SANE_REQUEST_ID.fullmatch(given) else str(uuid4())
        g.started = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        request_id = g.get("request_id") or str(uuid4())
        response.headers["X-Request-Id"] = request_id
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        # The rule, not the path: ids of people and accounts stay out of labels.
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        _find_counter(method, route, response.status_code).inc()
        _find_histogram(route).observe(seconds)
        log.info(
            "request",
            extra={
                "request_id": request_id,
                "method": method,
                "route": route,
                "status": response.status_code,
                "ms": round(seconds * 1000, 1),
            },
        )
        return response


@lru_cache(maxsize=2048)
def _find_counter(method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(method, route, status)


@lru_cache(maxsize=256)
def _find_histogram(route: str) -> Histogram:
    return DURATION.labels(route)


def render_metrics() -> Response:
    """All worker processes' metrics where they share a directory, this process's own otherwise."""
    return Response(generate_latest(_find_registry()), content_type=CONTENT_TYPE_LATEST)


def _find_registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
