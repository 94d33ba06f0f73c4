"""Customers who sign up through the front door, for races: nothing here knows more than any client does."""

from __future__ import annotations

import http.client
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.load import build_request

PASSWORD = "race-wallet-2026"  # noqa: S105 - of people who live for a minute
TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Customer:
    """Someone signed in, with one account."""

    token: str
    account_id: str


def call(
    port: int, method: str, path: str, body: dict[str, Any] | None = None, *, token: str = "", key: str = ""
) -> tuple[int, dict[str, Any]]:
    """One request on a connection of its own; the status and the decoded body."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if key:
        headers["Idempotency-Key"] = key
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    return response.status, json.loads(content) if content else {}


def register_customers(port: int, count: int, opening_balance: str) -> list[Customer]:
    """Signs up `count` people where it is noon now, each with `opening_balance` USD through the sandbox's
    top-up.

    Raises RuntimeError when a step is refused.
    """
    run = secrets.token_hex(4)
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda number: _register(port, f"race-{run}-{number}", opening_balance), range(count)))


def _register(port: int, name: str, opening_balance: str) -> Customer:
    email = f"{name}@example.com"
    profile = {
        "email": email,
        "password": PASSWORD,
        "full_name": f"Racer {name}",
        "timezone": find_noon_zone(),
    }
    registered = _expect(201, call(port, "POST", "/auth/register", {**profile, "currency": "USD"}))
    account_id = registered["account"]["id"]
    signed_in = _expect(200, call(port, "POST", "/auth/login", {"email": email, "password": PASSWORD}))
    token = signed_in["access_token"]
    top_up = {"type": "top_up", "account_id": account_id, "amount": opening_balance, "currency": "USD"}
    _expect(201, call(port, "POST", "/transactions", top_up, token=token))
    return Customer(token, account_id)


def _expect(status: int, answer: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    if answer[0] != status:
        raise RuntimeError(f"expected {status}, got {answer[0]}: {answer[1]}")
    return answer[1]


def find_noon_zone() -> str:
    """A time zone in which it is between 12:00 and 13:00 now, so that nobody moves money at a suspicious
    hour.
    """
    offset = 12 - datetime.now(UTC).hour  # hours east of Greenwich; the names under Etc/ have the sign reversed
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/GMT"


def build_transfer(source: Customer, destination_id: str, amount: str, key: str) -> bytes:
    """The bytes of a transfer in USD with an idempotency key, which is its description too."""
    body = {
        "type": "transfer",
        "source_account_id": source.account_id,
        "destination_account_id": destination_id,
        "amount": amount,
        "currency": "USD",
        "description": key,
    }
    headers = {"Authorization": f"Bearer {source.token}", "Idempotency-Key": key}
    return build_request("POST", "/api/v1/transactions", json.dumps(body).encode(), headers)
