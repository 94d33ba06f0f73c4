"""Rate limits: so many requests a minute for each caller, told in every answer's headers.

A caller is the user of a valid token, else the network address. Sign-in counts its failures by itself, per email, in
the database. Counters live in the process, or in Redis where ``REDIS_URL`` is set, and then for all processes.
"""

import math
import time

from flask import Flask, Response, request
from flask_limiter import Limiter, RateLimitExceeded

from wallet_app.api.auth import read_claims
from wallet_app.errors import TooManyRequests

UNLIMITED = frozenset({"/health", "/health/ready", "/metrics"})


def find_caller_key() -> str:
    """What requests are counted under."""
    return read_claims().get("sub") or request.remote_addr or "unknown"


limiter = Limiter(key_func=find_caller_key, strategy="fixed-window")


def init_rate_limits(app: Flask) -> None:
    """Limit every route of ``app`` but health and metrics."""
    app.config.update(
        RATELIMIT_APPLICATION=app.config["RATE_LIMIT"],
        RATELIMIT_STORAGE_URI=app.config["REDIS_URL"] or "memory://",
        RATELIMIT_SWALLOW_ERRORS=True,
    )
    limiter.init_app(app)
    limiter.request_filter(lambda: request.path in UNLIMITED)
    app.register_error_handler(RateLimitExceeded, _refuse)
    app.after_request(_tell)


def _refuse(error: RateLimitExceeded) -> None:
    current = limiter.current_limit
    seconds = math.ceil(current.reset_at - time.time()) if current else 60
    raise TooManyRequests("Too many requests in a short time. Slow down and try again.", seconds)


def _tell(response: Response) -> Response:
    current = limiter.current_limit
    if current is not None:
        response.headers["RateLimit-Limit"] = str(current.limit.amount)
        response.headers["RateLimit-Remaining"] = str(current.remaining)
        response.headers["RateLimit-Reset"] = str(max(0, math.ceil(current.reset_at - time.time())))
    return response
