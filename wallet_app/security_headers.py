"""The security headers of every answer, pages and JSON alike.

Two policies, told apart by the content type: a page may load our own files and nothing else, anything
that is not a page may load nothing at all. Both are strings made once, so that the API pays for a few
header appends and no more.
"""

import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, g
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_COMMON_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    # Not no-referrer: over HTTPS the CSRF check compares the referrer with our own host.
    ("Referrer-Policy", "same-origin"),
    (
        "Permissions-Policy",
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()",
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)

_DATA_POLICY = ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
_NOT_STORED = ("Cache-Control", "no-store")
_HSTS = ("Strict-Transport-Security", "max-age=31536000")  # a year, in seconds

_PAGE_POLICY = (
    "default-src 'none'; "
    "script-src 'self'{nonce}; "
    "style-src 'self'{nonce}; "
    "img-src 'self' data:; "
    "font-src 'self'; "
    "connect-src 'self'; "
    "form-action 'self'; "
    "base-uri 'none'; "
    "frame-ancestors 'none'"
)
_PAGE_POLICY_WITHOUT_NONCE = _PAGE_POLICY.format(nonce="")


def csp_nonce() -> str:
    """Answer this request's nonce for an inline script or style, made when the first one asks for it."""
    nonce: str | None = g.get("csp_nonce")
    if nonce is None:
        nonce = secrets.token_urlsafe(16)
        g.csp_nonce = nonce
    return nonce


def _page_policy() -> str:
    nonce = g.get("csp_nonce")
    return _PAGE_POLICY.format(nonce=f" 'nonce-{nonce}'") if nonce else _PAGE_POLICY_WITHOUT_NONCE


def init_security_headers(app: Flask) -> None:
    """Set the headers on every answer of `app`; HSTS over HTTPS, or always where `HSTS` is configured."""
    always_hsts = bool(app.config.get("HSTS", False))

    @app.after_request
    def set_page_policy(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.headers["Content-Security-Policy"] = _page_policy()
        return response

    app.jinja_env.globals["csp_nonce"] = csp_nonce
    app.wsgi_app = _SecurityHeaders(app.wsgi_app, always_hsts=always_hsts)  # type: ignore[method-assign]


class _SecurityHeaders:
    """Adds what is the same on every answer just before it leaves, to the plain list that WSGI has by then."""

    def __init__(self, inner: "WSGIApplication", *, always_hsts: bool) -> None:
        self._inner = inner
        self._always_hsts = always_hsts

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        has_hsts = self._always_hsts or environ.get("wsgi.url_scheme") == "https"

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            names = {name.lower() for name, _ in headers}
            headers.extend(_COMMON_HEADERS)
            if "content-security-policy" not in names:
                headers.append(_DATA_POLICY)
            if "cache-control" not in names:
                headers.append(_NOT_STORED)
            if has_hsts:
                headers.append(_HSTS)
            return start_response(status, headers, exc_info)

        return self._inner(environ, start)
