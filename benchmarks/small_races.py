"""Three short races over HTTP. Each returns what was wrong, in sentences; an empty list is what we want."""

from __future__ import annotations

import json
import secrets
from collections import Counter

from benchmarks.customers import Customer, build_transfer
from benchmarks.load import LoadClient, Request, Response


class _Volley:
    """Every client sends its own requests, one after another, and keeps the answers."""

    def __init__(self, requests: list[list[bytes]]) -> None:
        self._waiting = [[Request(data) for data in reversed(own)] for own in requests]
        self.answers: list[Response] = []
        self.lost = 0

    def next_request(self, client: int) -> Request | None:
        waiting = self._waiting[client]
        return waiting.pop() if waiting else None

    def on_response(self, client: int, request: Request, response: Response) -> Request | None:
        self.answers.append(response)
        return None

    def on_lost(self, client: int, request: Request) -> Request | None:
        self.lost += 1
        return None


def fire(port: int, requests: list[list[bytes]]) -> list[Response]:
    """Sends each inner list on a connection of its own, all connections at once.

    Raises RuntimeError when a request got no answer.
    """
    volley = _Volley(requests)
    LoadClient("127.0.0.1", port, volley, clients=len(requests)).run(60, drain_seconds=30)
    if volley.lost:
        raise RuntimeError(f"{volley.lost} requests got no answer")
    return volley.answers


def race_same_key(port: int, sender: Customer, receiver: Customer, n: int = 20) -> list[str]:
    """`n` identical transfers with one key at the same moment: one is made, the others replay it or answer
    409.
    """
    data = build_transfer(sender, receiver.account_id, "1.00", f"same-{secrets.token_hex(8)}")
    answers = fire(port, [[data]] * n)
    made = [answer for answer in answers if answer.status == 201]
    first = [answer for answer in made if answer.find_header("Idempotency-Replayed") != "true"]
    others = Counter(answer.status for answer in answers if answer.status != 201)
    faults = []
    if len(first) != 1:
        faults.append(f"one key, {n} requests: {len(first)} were made, expected one")
    if len({answer.body for answer in made}) > 1:
        faults.append(f"one key, {n} requests: the answers differ")
    if set(others) - {409}:
        faults.append(f"one key, {n} requests: unexpected statuses {dict(others)}")
    return faults


def race_last_hundred(port: int, sender: Customer, receiver: Customer) -> list[str]:
    """Two transfers of 100.00 at once from a sender who has 100.00: one 201, one 422."""
    key = f"last-{secrets.token_hex(8)}"
    answers = fire(
        port,
        [[build_transfer(sender, receiver.account_id, "100.00", f"{key}-{number}")] for number in (1, 2)],
    )
    statuses = sorted(answer.status for answer in answers)
    if statuses != [201, 422]:
        return [f"two transfers of 100 from 100: answered {statuses}, expected one 201 and one 422"]
    refusal = next(json.loads(answer.body) for answer in answers if answer.status == 422)
    if refusal.get("code") != "INSUFFICIENT_FUNDS":
        return [f"two transfers of 100 from 100: refused with {refusal.get('code')}"]
    return []


def race_opposing(port: int, one: Customer, other: Customer, rounds: int = 15, pairs: int = 8) -> list[str]:
    """A to B and B to A at the same moment, `rounds` times on `pairs` pairs of connections: no 5xx, all made."""
    key = f"opposing-{secrets.token_hex(8)}"
    requests = [
        [build_transfer(source, target.account_id, "0.01", f"{key}-{lane}-{number}") for number in range(rounds)]
        for lane, (source, target) in enumerate([(one, other), (other, one)] * pairs)
    ]
    statuses = Counter(answer.status for answer in fire(port, requests))
    return [] if set(statuses) == {201} else [f"opposing transfers: answered {dict(statuses)}, expected 201 alone"]
