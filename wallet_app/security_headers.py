"""The security headers of every answer, pages and JSON alike.

Two policies, told apart by the content type: a page may load our own files and nothing else, anything
that is not a page may load nothing at all. Both are strings made once, so that the API pays for a few
header appends and no more.
"""

import secrets

from flask import Flask, g, request
from werkzeug.wrappers import Response

_ONE_YEAR_SECONDS = 31_536_000

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

_DATA_HEADERS = (
    *_COMMON_HEADERS,
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)

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


def _set_security_headers(response: Response) -> Response:
    headers = response.headers
    if response.mimetype == "text/html":
        headers.extend(_COMMON_HEADERS)
        headers["Content-Security-Policy"] = _page_policy()
    else:
        headers.extend(_DATA_HEADERS)
    if "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store"
    return response


def init_security_headers(app: Flask) -> None:
    """Set the headers on every answer of `app`; HSTS over HTTPS, or always where `HSTS` is configured."""
    always_hsts = bool(app.config.get("HSTS", False))
    hsts = f"max-age={_ONE_YEAR_SECONDS}"

    @app.after_request
    def set_security_headers(response: Response) -> Response:
        if always_hsts or request.is_secure:
            response.headers["Strict-Transport-Security"] = hsts
        return _set_security_headers(response)

    app.jinja_env.globals["csp_nonce"] = csp_nonce
