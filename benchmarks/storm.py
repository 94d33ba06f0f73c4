"""The clients of the bank test: they never give up on a transfer, and remember every answer they got."""

from __future__ import annotations

import json
import random
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.customers import Customer, build_transfer
from benchmarks.load import Request, Response

AMOUNT = "1.00"
RETRY_SECONDS = 0.1
REPLAY_SHARE = 0.1
ACKNOWLEDGED = (201, 202)


@dataclass(slots=True)
class Attempt:
    """One transfer a client wants, with the answer it finally got."""

    key: str
    source: int
    destination: int
    data: bytes
    status: int = 0
    body: bytes = b""

    @property
    def is_acknowledged(self) -> bool:
        """Whether the client was told that the money moved, or is held for review."""
        return self.status in ACKNOWLEDGED

    @property
    def transaction_id(self) -> str:
        """The id the client was told."""
        return str(json.loads(self.body)["id"])


class StormTraffic:
    """Each client is one customer, who pays the others `AMOUNT` and repeats what it got no final answer to."""

    def __init__(self, customers: Sequence[Customer]) -> None:
        self.run = f"race-{secrets.token_hex(6)}"
        self.attempts: list[Attempt] = []
        self.retries = 0
        self.replays = 0
        self.retried_statuses: Counter[int] = Counter()
        self.changed: list[str] = []
        self.unexpected: list[str] = []
        self._customers = list(customers)
        self._random = random.Random(11)
        self._acknowledged: list[list[Attempt]] = [[] for _ in customers]

    def next_request(self, client: int) -> Request | None:
        done = self._acknowledged[client]
        if done and self._random.random() < REPLAY_SHARE:
            return self._replay(self._random.choice(done))
        destination = self._random.randrange(len(self._customers) - 1)
        destination += destination >= client
        key = f"{self.run}-{len(self.attempts):07d}"
        data = build_transfer(self._customers[client], self._customers[destination].account_id, AMOUNT, key)
        attempt = Attempt(key, client, destination, data)
        self.attempts.append(attempt)
        return Request(data, attempt)

    def on_response(self, client: int, request: Request, response: Response) -> Request | None:
        attempt = request.tag
        assert isinstance(attempt, Attempt)
        if response.status >= 500 or response.status == 429 or _is_in_progress(response):
            self.retried_statuses[response.status] += 1
            return self._retry(request)
        if attempt.status:
            self._compare(attempt, response)
        elif response.status in {*ACKNOWLEDGED, 422}:
            attempt.status, attempt.body = response.status, response.body
            self._acknowledged[client].append(attempt)
            if response.status == 422 and b"INSUFFICIENT_FUNDS" not in response.body:
                self.unexpected.append(f"{attempt.key}: {response.body[:300]!r}")
        else:
            attempt.status = response.status
            self.unexpected.append(f"{attempt.key}: {response.status} {response.body[:300]!r}")
        return None

    def on_lost(self, client: int, request: Request) -> Request | None:
        return self._retry(request)

    def _retry(self, request: Request) -> Request:
        self.retries += 1
        return Request(request.data, request.tag, RETRY_SECONDS)

    def _replay(self, attempt: Attempt) -> Request:
        self.replays += 1
        return Request(attempt.data, attempt)

    def _compare(self, attempt: Attempt, response: Response) -> None:
        """A key that was answered before: the same status and bytes again, and marked as a replay."""
        same = (response.status, response.body) == (attempt.status, attempt.body)
        replayed = response.find_header("Idempotency-Replayed")
        if not same or replayed != "true":
            self.changed.append(
                f"{attempt.key}: {attempt.status} {attempt.body[:120]!r} became"
                f" {response.status} {response.body[:120]!r} (replayed: {replayed})"
            )


class ReplayTraffic(StormTraffic):
    """Afterwards: every client repeats what it was answered, up to `limit` of all clients together, and
    compares.
    """

    def __init__(self, storm: StormTraffic, customers: Sequence[Customer], limit: int) -> None:
        super().__init__(customers)
        answered = [attempt for attempt in storm.attempts if attempt.is_acknowledged or attempt.status == 422]
        chosen = self._random.sample(answered, min(limit, len(answered)))
        self._waiting: list[list[Attempt]] = [[] for _ in customers]
        for attempt in chosen:
            self._waiting[attempt.source].append(attempt)

    def next_request(self, client: int) -> Request | None:
        return self._replay(self._waiting[client].pop()) if self._waiting[client] else None


def _is_in_progress(response: Response) -> bool:
    return response.status == 409 and b"IDEMPOTENCY_IN_PROGRESS" in response.body
