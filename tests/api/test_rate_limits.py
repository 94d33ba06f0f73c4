"""Rate limits: who is counted under what, what every answer tells, and a Redis that is away."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests.api.calling import ask, expect_problem, new_email, sign_in
from tests.conftest import make_config
from tests.people import Person, make_person
from wallet_app import create_app
from wallet_app.api.rate_limits import make_counter
from wallet_app.extensions import db

NAMES = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture
def make_limited_app(database_url: str) -> Iterator[Callable[..., Flask]]:
    made: list[Flask] = []

    def make(**settings: str) -> Flask:
        made.append(create_app(make_config(database_url, **settings)))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


def read_allowance(answer: Any) -> tuple[int, int, int]:
    limit, remaining, reset = (int(answer.headers[name]) for name in NAMES)
    return limit, remaining, reset


def test_every_answer_tells_what_is_left(app: Flask, make_customer: Callable[..., Person]) -> None:
    ana = make_customer()
    answers = [
        ana.get("/users/me"),
        ana.patch("/users/me", {"company": "Acme"}),
        ana.get("/nowhere"),
        ana.call("PUT", "/users/me"),
        ana.post("/transactions", {}),
        ana.get("/users"),
        ana.post("/auth/logout"),
    ]
    assert {answer.status_code for answer in answers} == {200, 204, 400, 403, 404, 405}
    told = [read_allowance(answer) for answer in answers]
    assert [limit for limit, _, _ in told] == [6000] * 7
    assert [remaining for _, remaining, _ in told] == list(range(5999, 5992, -1))
    assert all(0 < reset <= 60 for _, _, reset in told)
    assert read_allowance(ask(app, "GET", "/users/me"))[0] == 6000


def test_too_many_is_429(make_limited_app: Callable[..., Flask]) -> None:
    app = make_limited_app(RATE_LIMIT="3/minute")
    ana, bo = make_person(app), make_person(app)
    assert [read_allowance(ana.get("/users/me"))[1] for _ in range(3)] == [2, 1, 0]
    for path in ("/users/me", "/nowhere"):
        refused = ana.get(path)
        expect_problem(refused, 429, "TOO_MANY_REQUESTS")
        limit, remaining, reset = read_allowance(refused)
        assert (limit, remaining) == (3, 0)
        assert refused.headers["Retry-After"] == str(reset)
        assert refused.json["details"] == {"retry_after": reset}
        assert 0 < reset <= 60
    assert bo.get("/users/me").status_code == 200, "another caller is another count"
    assert ask(app, "GET", "/users/me").status_code == 401, "nobody is counted by address"


def test_callers_are_people_and_not_their_tokens(make_limited_app: Callable[..., Flask]) -> None:
    app = make_limited_app(RATE_LIMIT="3/minute")
    ana = make_person(app)
    again = sign_in(app, ana.email).json["access_token"]
    assert ana.get("/users/me").headers["RateLimit-Remaining"] == "2"
    assert ask(app, "GET", "/users/me", token=again).headers["RateLimit-Remaining"] == "1"


def test_nobodys_are_counted_by_address(make_limited_app: Callable[..., Flask]) -> None:
    app = make_limited_app(RATE_LIMIT="2/minute")

    def knock(address: str, **headers: str) -> int:
        client = app.test_client(use_cookies=False)
        status: int = client.get(
            "/api/v1/users/me", headers=headers, environ_overrides={"REMOTE_ADDR": address}
        ).status_code
        return status

    assert [knock("203.0.113.1") for _ in range(3)] == [401, 401, 429]
    assert knock("203.0.113.1", Authorization="Bearer forged") == 429, "a forged token buys nothing"
    assert knock("203.0.113.1", **{"X-Forwarded-For": "198.51.100.7"}) == 429, "nor does a header"
    assert knock("203.0.113.2") == 401


def test_behind_a_trusted_proxy_the_client_is_counted(make_limited_app: Callable[..., Flask]) -> None:
    app = make_limited_app(RATE_LIMIT="1/minute", TRUSTED_PROXIES="1")

    def knock(forwarded: str) -> int:
        headers = {"X-Forwarded-For": forwarded}
        return int(app.test_client().get("/api/v1/users/me", headers=headers).status_code)

    assert [knock("198.51.100.1"), knock("198.51.100.1"), knock("198.51.100.2")] == [401, 429, 401]
    assert knock("203.0.113.9, 198.51.100.1") == 429, "what the client itself wrote counts for nothing"


def test_machines_ask_as_often_as_they_like(make_limited_app: Callable[..., Flask]) -> None:
    client = make_limited_app(RATE_LIMIT="1/minute").test_client()
    for path in ("/health", "/health/ready", "/metrics"):
        for _ in range(3):
            assert client.get(path).status_code == 200


def test_the_window_begins_anew(make_limited_app: Callable[..., Flask]) -> None:
    app = make_limited_app(RATE_LIMIT="1/second")
    ana = make_person(app)
    statuses = [ana.get("/users/me").status_code]
    deadline = time.monotonic() + 5
    while statuses.count(200) < 2 and time.monotonic() < deadline:
        statuses.append(ana.get("/users/me").status_code)
    assert statuses.count(200) == 2
    assert set(statuses) <= {200, 429}


def test_signing_in_is_not_limited_by_successes(make_limited_app: Callable[..., Flask]) -> None:
    app = make_limited_app()
    ana = make_person(app)
    assert {sign_in(app, ana.email).status_code for _ in range(30)} == {200}
    assert {sign_in(app, new_email()).status_code for _ in range(30)} == {401}


def test_a_redis_that_is_away_holds_nothing_up(make_limited_app: Callable[..., Flask]) -> None:
    app = make_limited_app(RATE_LIMIT="3/minute", REDIS_URL="redis://127.0.0.1:1/0")
    ana = make_person(app)
    started = time.monotonic()
    assert [ana.get("/users/me").status_code for _ in range(4)] == [200, 200, 200, 429], "this process counts"
    assert time.monotonic() - started < 3


def test_a_store_that_comes_back_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = make_counter("5/minute", None)
    store = counter.counter.storage
    monkeypatch.setattr("wallet_app.api.rate_limits.REDIS_PAUSE_S", 0.05)
    assert counter.count("ana").remaining == 4

    def fail(*_: object, **__: object) -> None:
        raise ValueError("away")

    with monkeypatch.context() as away:
        away.setattr(store, "incr", fail)
        assert counter.count("ana").remaining == 4, "counted by itself"
        assert counter.count("ana").remaining == 3
    time.sleep(0.06)
    assert counter.count("ana").remaining == 3, "where it left off"
