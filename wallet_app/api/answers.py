"""Answering: JSON bytes, pages of a list, problems."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson
from flask import Response

from wallet_app import clock
from wallet_app.errors import Problem
from wallet_app.paging import Page

T = TypeVar("T")

PROBLEM_TYPE = "application/problem+json"
CSV_TYPE = "text/csv"


def to_json(value: object) -> bytes:
    return orjson.dumps(value)


def reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(to_json(value), status, dict(headers or {}), content_type="application/json")


def reply_csv(text: str, filename: str) -> Response:
    """A CSV file to be kept; ``filename`` is ours, plain ASCII without quotes."""
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return Response(text, headers=headers, content_type=f"{CSV_TYPE}; charset=utf-8")


def reply_empty() -> Response:
    """204, done and nothing to tell."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def reply_page(page: Page[T], render: Callable[[T], Any]) -> Response:
    """A page of a list."""
    return reply(
        {
            "data": [render(row) for row in page.rows],
            "has_more": page.next_cursor is not None,
            "next_cursor": page.next_cursor,
        }
    )


def render_problem(problem: Problem, path: str, request_id: str | None) -> dict[str, object]:
    """A problem as RFC 9457 members and our own; ``path`` is that of the request it answers."""
    code = problem.code
    return {
        "type": f"/docs/problems#{code}" if problem.is_documented else "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
        "code": code,
        "details": {
            name: render_problem(value, path, request_id) if isinstance(value, Problem) else value
            for name, value in problem.details.items()
        },
        "timestamp": clock.format_timestamp(clock.now()),
        "request_id": request_id,
    }
