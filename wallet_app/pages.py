"""What every HTML page needs, whoever serves it: asset addresses, the environment's name, error pages.

Both front doors use it and it knows neither of them.
"""

import hashlib
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from flask import Flask, Request, Response, current_app, g, make_response, request, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.http import HTTP_STATUS_CODES

_DATA_PREFIXES: Final = ("/api/", "/health", "/metrics", "/openapi.json", "/static/")
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class _Words(NamedTuple):
    """What an error page says; `undone` is for a request that wanted to change something."""

    title: str
    happened: str
    undone: str
    next_step: str


_NOTHING_SAVED: Final = "Nothing was saved or changed."
_WORDS: Final[dict[int, _Words]] = {
    400: _Words(
        "That request could not be read",
        "Something in the form or the address is missing or not valid.",
        _NOTHING_SAVED,
        "Go back, reload the page, and try again.",
    ),
    403: _Words(
        "You may not do that",
        "Your role does not allow this page or action.",
        _NOTHING_SAVED,
        "If your work needs it, ask an administrator to change your role.",
    ),
    404: _Words(
        "There is no such page",
        "The address leads nowhere: it may be mistyped, or what it led to is gone.",
        _NOTHING_SAVED,
        "Check the address, or start again from Home.",
    ),
    405: _Words(
        "This address does not work that way",
        "The page exists, but it can't be used with this kind of request.",
        _NOTHING_SAVED,
        "Start again from Home and use the buttons and links on the page.",
    ),
    413: _Words(
        "That is too large",
        "The form or file is larger than this page accepts.",
        _NOTHING_SAVED,
        "Send less at once.",
    ),
    429: _Words(
        "Too many requests",
        "This page was asked for too often in a short time.",
        _NOTHING_SAVED,
        "Wait a minute, then try again.",
    ),
    503: _Words(
        "The service is not ready",
        "A part it depends on can't be reached at the moment.",
        "What you asked for may not have been done.",
        "Wait a minute, then reload. Look at the record before you repeat an action.",
    ),
}
_WORDS_CLIENT: Final = _Words(
    "That did not work",
    "The request was refused.",
    _NOTHING_SAVED,
    "Go back, reload the page, and try again.",
)
_WORDS_SERVER: Final = _Words(
    "Something went wrong on our side",
    "The page failed while it was being made. The fault has been recorded.",
    "What you asked for may or may not have been done.",
    "Look at the record before you repeat an action. If it happens again, report the reference below.",
)


def wants_page() -> bool:
    """Tell whether an error of this request is shown as a page: it came from a browser, not from a client."""
    path = request.path
    if path == "/backoffice" or path.startswith("/backoffice/"):
        return True
    if path.startswith(_DATA_PREFIXES):
        return False
    accepted = request.accept_mimetypes
    return accepted.quality("text/html") > accepted.quality("application/problem+json")


def render_error_page(
    status: int,
    headers: dict[str, str] | None = None,
    *,
    title: str | None = None,
    happened: str | None = None,
) -> Response:
    """Render the page for an error: what happened, what was not done, what to do next, and the request id.

    It reads neither database nor session, so that it renders when those are what failed.
    `title` and `happened` replace the general words where the caller knows better ones.
    """
    words = _WORDS.get(status, _WORDS_SERVER if status >= 500 else _WORDS_CLIENT)
    # Past the context processors on purpose: one of them may be what raised.
    html = current_app.jinja_env.get_template("errors/error.html").render(
        status=status,
        reason=HTTP_STATUS_CODES.get(status, "Error"),
        title=title or words.title,
        happened=happened or words.happened,
        undone=words.undone if request.method not in _SAFE_METHODS else _NOTHING_SAVED,
        next_step=words.next_step,
        request_id=g.get("request_id"),
    )
    response = make_response(html, status)
    response.headers.update(headers or {})
    return response


@lru_cache(maxsize=256)
def _compute_version(path: str, modified_ns: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def asset_url(filename: str) -> str:
    """Answer the address of one of our static files, with its checksum, so that browsers may keep it.

    Raises FileNotFoundError when there is no such file.
    """
    path = Path(current_app.static_folder or "", filename)
    version = _compute_version(str(path), path.stat().st_mtime_ns)
    return url_for("static", filename=filename, v=version)


class _PageSessions(SecureCookieSessionInterface):
    """Session cookies for pages. The API has none: reading and writing them would be work for nothing."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return None if request.path.startswith(_DATA_PREFIXES) else super().open_session(app, request)


def init_pages(app: Flask) -> None:
    """Give every template `asset_url` and `environment_name`, and let browsers keep static files."""
    app.session_interface = _PageSessions()
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = timedelta(days=365)
    app.jinja_env.globals.update(
        asset_url=asset_url,
        environment_name=app.config["ENVIRONMENT"],
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
