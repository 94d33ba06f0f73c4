"""Rate limits: so many requests a minute for each caller, told in every answer's headers.

A caller is the user of a valid token, else the network address. Sign-in counts its failures by itself, per email, in
the database. Counters live in the process, or in Redis where ``REDIS_URL`` is set, and then for all processes.

This is Flask-Limiter's own engine without its Flask part, which counts no request whose address leads nowhere and
takes five times as long.
"""

import logging
import math
import time
from dataclasses import dataclass, field

from flask import Flask, Response, g, request
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter, RateLimiter

from wallet_app.api.auth import read_claims
from wallet_app.api.rate_storage import WindowStorage
from wallet_app.errors import TooManyRequests

log = logging.getLogger(__name__)

UNLIMITED = frozenset({"/health", "/health/ready", "/metrics"})
# A cache that is away must not hold up a request: so long is waited for it, and so long it is then left alone.
REDIS_TIMEOUT_S = 0.25
REDIS_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller has left of ``limit`` requests in the running window, which ends in ``reset_s`` seconds."""

    limit: int
    remaining: int
    reset_s: int
    is_exceeded: bool


@dataclass(slots=True)
class RequestCounter:
    """Counts requests against ``limit``; in this process alone while Redis is away."""

    limit: RateLimitItem
    counter: RateLimiter
    own: RateLimiter = field(default_factory=lambda: FixedWindowRateLimiter(WindowStorage()))
    _trusted_again_at: float = 0.0

    def count(self, caller: str) -> Allowance:
        """Count a request of ``caller`` and say how they stand."""
        if time.monotonic() >= self._trusted_again_at:
            try:
                return self._count_in(self.counter, caller)
            except self.counter.storage.base_exceptions:
                self._trusted_again_at = time.monotonic() + REDIS_PAUSE_S
                log.warning("the rate limits' store does not answer: counting in this process alone")
        return self._count_in(self.own, caller)

    def _count_in(self, counter: RateLimiter, caller: str) -> Allowance:
        is_within = counter.hit(self.limit, caller)
        window = counter.get_window_stats(self.limit, caller)
        reset_s = min(max(1, math.ceil(window.reset_time - time.time())), self.limit.get_expiry())
        return Allowance(self.limit.amount, window.remaining, reset_s, not is_within)


def make_counter(limit: str, redis_url: str | None) -> RequestCounter:
    """A counter for a limit such as ``6000/minute``. It does not connect to Redis before the first request."""
    if redis_url is None:
        return RequestCounter(parse(limit), FixedWindowRateLimiter(WindowStorage()))
    storage = storage_from_string(redis_url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)
    return RequestCounter(parse(limit), FixedWindowRateLimiter(storage))


def init_rate_limits(app: Flask) -> None:
    """Limit every address of ``app``, those that lead nowhere included, but health, metrics and static files."""
    counter = make_counter(app.config["RATE_LIMIT"], app.config["REDIS_URL"])

    @app.before_request
    def refuse_too_many() -> None:
        if request.path in UNLIMITED or request.endpoint == "static":
            return
        allowance = g.allowance = counter.count(read_claims().get("sub") or request.remote_addr or "unknown")
        if allowance.is_exceeded:
            raise TooManyRequests("Too many requests in a short time. Slow down and try again.", allowance.reset_s)

    @app.after_request
    def tell_allowance(response: Response) -> Response:
        allowance: Allowance | None = g.get("allowance")
        if allowance is not None:
            response.headers["RateLimit-Limit"] = str(allowance.limit)
            response.headers["RateLimit-Remaining"] = str(allowance.remaining)
            response.headers["RateLimit-Reset"] = str(allowance.reset_s)
        return response
