"""Tokens: what is one of ours, rotation, sign-out, and whose tokens die when."""

import base64
import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from flask import Flask
from flask_jwt_extended import create_access_token

from tests.api.calling import ask, expect_faulty_fields, expect_problem, sign_in
from tests.conftest import SECRETS
from tests.people import PASSWORD, Person
from wallet_app import clock
from wallet_app.identity.permissions import Role

MakePerson = Callable[..., Person]
SECRET = SECRETS["JWT_SECRET_KEY"]


def claims_of(person: Person, **changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    claims = {
        "sub": str(person.id),
        "sid": str(person.caller.session_id),
        "type": "access",
        "jti": str(uuid4()),
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(minutes=15),
        "fresh": False,
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def encode(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part, default=str).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def sign(person: Person, secret: str, digest: str = "sha256", **header: str) -> str:
    """A token put together without PyJWT, which refuses to make most of what must be refused here."""
    claims = {**claims_of(person), **dict.fromkeys(("iat", "nbf"), 0), "exp": 9_999_999_999}
    signed = f"{encode({'alg': 'HS256', 'typ': 'JWT', **header})}.{encode(claims)}"
    return f"{signed}.{encode(hmac.digest(secret.encode(), signed.encode(), digest))}"


def test_a_token_of_ours_made_by_hand_works(app: Flask, make_customer: MakePerson) -> None:
    """So that the refusals below are for the reason they name."""
    ana = make_customer()
    for token in (jwt.encode(claims_of(ana), SECRET, algorithm="HS256"), sign(ana, SECRET)):
        assert ask(app, "GET", "/users/me", token=token).status_code == 200


FORGERIES: dict[str, Callable[[Person], str]] = {
    "garbage": lambda _: "garbage",
    "three dots": lambda _: "a.b.c",
    "empty parts": lambda _: "..",
    "another secret": lambda p: sign(p, "x" * 40),
    "another algorithm": lambda p: sign(p, SECRET, "sha512", alg="HS512"),
    "alg none": lambda p: jwt.encode(claims_of(p), None, algorithm="none"),
    "alg none, spelt oddly": lambda p: sign(p, SECRET, alg="nOnE").rpartition(".")[0] + ".",
    "alg of a public key": lambda p: sign(p, SECRET, alg="RS256"),
    "unknown kid, another secret": lambda p: sign(p, "x" * 40, kid="nobody"),
    "kid with a path": lambda p: sign(p, "", kid="../../dev/null"),
    "kid of another type": lambda p: sign(p, SECRET, kid=7),  # type: ignore[arg-type]
    "expired": lambda p: jwt.encode(
        claims_of(p, exp=datetime.now(UTC) - timedelta(seconds=1)), SECRET, algorithm="HS256"
    ),
    "not yet valid": lambda p: jwt.encode(
        claims_of(p, nbf=datetime.now(UTC) + timedelta(hours=1)), SECRET, algorithm="HS256"
    ),
    "without expiry": lambda p: jwt.encode(claims_of(p, exp=None), SECRET, algorithm="HS256"),
    "expiry of another type": lambda p: jwt.encode(claims_of(p, exp="soon"), SECRET, algorithm="HS256"),
    "without subject": lambda p: jwt.encode(claims_of(p, sub=None), SECRET, algorithm="HS256"),
    "subject a number": lambda p: jwt.encode(claims_of(p, sub=7), SECRET, algorithm="HS256"),
    "somebody else's subject": lambda p: jwt.encode(claims_of(p, sub=str(uuid4())), SECRET, algorithm="HS256"),
    "without session": lambda p: jwt.encode(claims_of(p, sid=None), SECRET, algorithm="HS256"),
    "session no uuid": lambda p: jwt.encode(claims_of(p, sid="me"), SECRET, algorithm="HS256"),
    "session a list": lambda p: jwt.encode(claims_of(p, sid=[1]), SECRET, algorithm="HS256"),
    "unknown session": lambda p: jwt.encode(claims_of(p, sid=str(uuid4())), SECRET, algorithm="HS256"),
    "refresh type": lambda p: jwt.encode(claims_of(p, type="refresh"), SECRET, algorithm="HS256"),
    "unknown type": lambda p: jwt.encode(claims_of(p, type=["access"]), SECRET, algorithm="HS256"),
    "a list, not claims": lambda p: f"{encode({'alg': 'HS256'})}.{encode([1])}.x",
    "its last letter cut": lambda p: p.tokens["access_token"][:-1],
    "its payload replaced": lambda p: ".".join(
        [p.tokens["access_token"].split(".")[0], encode(claims_of(p)), p.tokens["access_token"].split(".")[2]]
    ),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_what_is_no_token_of_ours_is_401(app: Flask, make_customer: MakePerson, forge: Callable[[Person], str]) -> None:
    token = forge(make_customer())
    for _ in range(2):  # the second time from the cache
        expect_problem(ask(app, "GET", "/users/me", token=token), 401, "INVALID_TOKEN")


def test_an_expired_token_is_401(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    with app.test_request_context():
        token = create_access_token(
            str(ana.id),
            additional_claims={"sid": str(ana.caller.session_id)},
            expires_delta=timedelta(seconds=-1),
        )
    expect_problem(ask(app, "GET", "/users/me", token=token), 401, "INVALID_TOKEN")


@pytest.mark.parametrize("scheme", ["bearer", "Bearer", "BEARER", "Bearer "])
def test_the_scheme_is_read_in_any_case(app: Flask, make_customer: MakePerson, scheme: str) -> None:
    header = f"{scheme} {make_customer().tokens['access_token']}"
    assert ask(app, "GET", "/users/me", headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize("scheme", ["Basic", "Token", "JWT", ""])
def test_other_schemes_are_401(app: Flask, make_customer: MakePerson, scheme: str) -> None:
    header = f"{scheme} {make_customer().tokens['access_token']}".strip()
    expect_problem(ask(app, "GET", "/users/me", headers={"Authorization": header}), 401, "INVALID_TOKEN")


def test_a_token_in_the_query_or_a_cookie_is_no_token(app: Flask, make_customer: MakePerson) -> None:
    token = make_customer().tokens["access_token"]
    expect_problem(ask(app, "GET", f"/users/me?access_token={token}&jwt={token}"), 401, "NOT_SIGNED_IN")
    cookies = {"Cookie": f"access_token_cookie={token}"}
    expect_problem(ask(app, "GET", "/users/me", headers=cookies), 401, "NOT_SIGNED_IN")


# --- rotation


def refresh(app: Flask, token: str) -> Any:
    return ask(app, "POST", "/auth/refresh", token=token)


def test_refreshing_gives_a_new_pair(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    answer = refresh(app, ana.tokens["refresh_token"])
    assert answer.status_code == 200
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert answer.json["refresh_token"] != ana.tokens["refresh_token"]
    assert ask(app, "GET", "/users/me", token=answer.json["access_token"]).status_code == 200
    assert ana.get("/users/me").status_code == 200, "the access token from before lives on until it expires"
    assert refresh(app, answer.json["refresh_token"]).status_code == 200


def test_a_refresh_token_used_twice_ends_its_whole_family(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    other_device = sign_in(app, ana.email).json
    newest = refresh(app, ana.tokens["refresh_token"]).json
    expect_problem(refresh(app, ana.tokens["refresh_token"]), 401, "TOKEN_REUSED")
    expect_problem(refresh(app, newest["refresh_token"]), 401, "INVALID_TOKEN")
    expect_problem(refresh(app, ana.tokens["refresh_token"]), 401, "INVALID_TOKEN")
    for dead in (newest["access_token"], ana.tokens["access_token"]):
        expect_problem(ask(app, "GET", "/users/me", token=dead), 401, "INVALID_TOKEN")
    assert refresh(app, other_device["refresh_token"]).status_code == 200, "another sign-in is another family"


def test_of_two_refreshes_at_once_one_is_reuse(app: Flask, make_customer: MakePerson) -> None:
    token = make_customer().tokens["refresh_token"]
    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(lambda _: refresh(app, token).status_code, range(2)))
    assert statuses == [200, 401]


def test_the_wrong_kind_of_token_is_401(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    expect_problem(refresh(app, ana.tokens["access_token"]), 401, "INVALID_TOKEN")
    expect_problem(ask(app, "GET", "/users/me", token=ana.tokens["refresh_token"]), 401, "INVALID_TOKEN")
    expect_problem(ask(app, "POST", "/auth/logout", token=ana.tokens["refresh_token"]), 401, "INVALID_TOKEN")
    assert refresh(app, ana.tokens["refresh_token"]).status_code == 200, "neither used it up"


@pytest.mark.parametrize("rid", [None, "me", 7, [1]])
def test_a_refresh_token_without_its_own_id_is_401(app: Flask, make_customer: MakePerson, rid: Any) -> None:
    token = jwt.encode(claims_of(make_customer(), type="refresh", rid=rid), SECRET, algorithm="HS256")
    expect_problem(refresh(app, token), 401, "INVALID_TOKEN")


def test_a_session_ends_after_thirty_days_unused(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    with clock.at(clock.now() + timedelta(days=30, seconds=1)):
        expect_problem(refresh(app, ana.tokens["refresh_token"]), 401, "INVALID_TOKEN")
    assert refresh(app, ana.tokens["refresh_token"]).status_code == 200


# --- the end of a session


def test_signing_out_kills_both_tokens(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    other_device = sign_in(app, ana.email).json
    answer = ana.post("/auth/logout")
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers
    expect_problem(ana.get("/users/me"), 401, "INVALID_TOKEN")
    expect_problem(refresh(app, ana.tokens["refresh_token"]), 401, "INVALID_TOKEN")
    expect_problem(ana.post("/auth/logout"), 401, "INVALID_TOKEN")
    assert ask(app, "GET", "/users/me", token=other_device["access_token"]).status_code == 200


def test_a_new_password_ends_every_other_session(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    other_device = sign_in(app, ana.email).json
    body = {"current_password": PASSWORD, "new_password": "a new and better one"}
    answer = ana.post("/auth/password", body)
    assert (answer.status_code, answer.data) == (204, b"")
    assert ana.get("/users/me").status_code == 200
    assert refresh(app, ana.tokens["refresh_token"]).status_code == 200
    expect_problem(ask(app, "GET", "/users/me", token=other_device["access_token"]), 401, "INVALID_TOKEN")
    expect_problem(refresh(app, other_device["refresh_token"]), 401, "INVALID_TOKEN")
    expect_problem(sign_in(app, ana.email), 401, "INVALID_CREDENTIALS")
    assert sign_in(app, ana.email, "a new and better one").status_code == 200


def test_a_new_password_needs_the_current_one(app: Flask, make_customer: MakePerson) -> None:
    ana = make_customer()
    body = {"current_password": "not the password", "new_password": "a new and better one"}
    expect_problem(ana.post("/auth/password", body), 401, "INVALID_CREDENTIALS")
    expect_faulty_fields(ana.post("/auth/password", {**body, "new_password": "short"}), "new_password")
    expect_faulty_fields(ana.post("/auth/password", {**body, "new_password": "x" * 201}), "new_password")
    expect_faulty_fields(ana.post("/auth/password", {}), "current_password", "new_password")
    assert sign_in(app, ana.email).status_code == 200


def test_a_closed_users_tokens_are_dead(app: Flask, make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana, admin = make_customer(), make_staff(Role.ADMIN)
    assert admin.delete(f"/users/{ana.id}").status_code == 204
    expect_problem(ana.get("/users/me"), 401, "INVALID_TOKEN")
    expect_problem(refresh(app, ana.tokens["refresh_token"]), 401, "INVALID_TOKEN")
    expect_problem(sign_in(app, ana.email), 401, "INVALID_CREDENTIALS")


def test_a_changed_role_counts_at_once(make_staff: MakePerson) -> None:
    admin, support = make_staff(Role.ADMIN), make_staff(Role.SUPPORT)
    assert support.get("/users").status_code == 200
    assert admin.patch(f"/users/{support.id}", {"role": "customer"}).json["role"] == "customer"
    expect_problem(support.get("/users"), 403, "FORBIDDEN")
