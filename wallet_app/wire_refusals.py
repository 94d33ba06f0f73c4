"""What gunicorn refuses before the application sees it, answered as a problem rather than as gunicorn's own page.

A control character in a header, a request line or header that is too long, a malformed chunk header: none of these
reaches Flask. ``gunicorn.conf.py`` calls ``install()`` before the workers start.
"""

import json
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from gunicorn import util

from wallet_app import clock


def install() -> None:
    """Replace the function that writes gunicorn's error pages; its workers look it up in ``gunicorn.util``."""
    util.write_error = write_problem


def write_problem(sock: Any, status_int: int, reason: str, mesg: str) -> None:
    """Answer on a socket whose request could not be read, and so whose path is not known."""
    request_id = str(uuid4())
    body = make_problem(status_int, reason, mesg, request_id)
    head = (
        f"HTTP/1.1 {status_int} {reason}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"X-Request-Id: {request_id}\r\n"
        "\r\n"
    )
    util.write_nonblock(sock, head.encode("latin-1") + body)


def make_problem(status: int, reason: str, message: str, request_id: str) -> bytes:
    """An RFC 9457 problem with our members; its status says all there is to say of it."""
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    problem = {
        "type": "about:blank",
        "title": reason,
        "status": status,
        "detail": "Nothing was changed. Please try again." if is_ours else f"{message.rstrip('.')}.",
        "instance": "",
        "code": HTTPStatus(status).name,
        "details": {},
        "timestamp": clock.format_timestamp(clock.now()),
        "request_id": request_id,
    }
    return json.dumps(problem).encode()
