"""Cross-origin calls: browsers on the origins in ``CORS_ORIGINS`` may use the API; none by default."""

from flask import Flask
from flask_cors import CORS

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
SENT_HEADERS = ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "X-Request-Id"]
READABLE_HEADERS = [
    "Content-Disposition",
    "ETag",
    "Idempotency-Replayed",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-Id",
]
PREFLIGHT_LIFETIME_S = 600


def init_cors(app: Flask) -> None:
    """Let the configured origins call what is under /api/. Tokens travel in a header, so no cookie is ever allowed."""
    if not app.config["CORS_ORIGINS"]:
        return
    CORS(
        app,
        resources={
            r"/api/.*": {
                "origins": app.config["CORS_ORIGINS"],
                "methods": METHODS,
                "allow_headers": SENT_HEADERS,
                "expose_headers": READABLE_HEADERS,
                "max_age": PREFLIGHT_LIFETIME_S,
                "supports_credentials": False,
                "always_send": False,
            }
        },
    )
