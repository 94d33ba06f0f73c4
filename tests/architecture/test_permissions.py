"""Who may call what: every route with every role, held against a table written by hand from the contract.

A route that is missing here fails: nobody adds one without saying who may call it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from tests.people import Person, make_person
from wallet_app.api.endpoint import OPERATIONS
from wallet_app.backoffice.guard import PUBLIC_ENDPOINTS
from wallet_app.identity.permissions import GRANTS, READ_ONLY, STAFF, Permission, Role

# Anyone, signed in or not. All else asks for a token, or leads to the sign-in page.
PUBLIC = {
    ("POST", "/api/v1/auth/register"),
    ("POST", "/api/v1/auth/login"),
    ("GET", "/health"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
}
PUBLIC_PAGES = {"/", "/docs", "/docs/problems", "/static/<path:filename>"}

COLUMNS = ("owner", "operator", "viewer", "stranger", "support", "operations", "fraud_analyst", "admin", "auditor")
YES = "yes"
# The object is one of the owner's; on a transaction the owner is the recipient of a transfer.
TABLE: dict[tuple[str, str], str] = {
    #                                                  owner oper view strange supp oper fraud admin audit
    ("POST", "/api/v1/auth/register"): "               yes   yes  yes   yes    yes  yes  yes   yes   yes",
    ("POST", "/api/v1/auth/login"): "                  yes   yes  yes   yes    yes  yes  yes   yes   yes",
    ("POST", "/api/v1/auth/refresh"): "                401   401  401   401    401  401  401   401   401",
    ("POST", "/api/v1/auth/logout"): "                 yes   yes  yes   yes    yes  yes  yes   yes   yes",
    ("POST", "/api/v1/auth/password"): "               yes   yes  yes   yes    yes  yes  yes   yes   yes",
    ("GET", "/api/v1/users/me"): "                     yes   yes  yes   yes    yes  yes  yes   yes   yes",
    ("PATCH", "/api/v1/users/me"): "                   yes   yes  yes   yes    yes  yes  yes   yes   403",
    ("GET", "/api/v1/users"): "                        403   403  403   403    yes  yes  yes   yes   yes",
    ("POST", "/api/v1/users"): "                       403   403  403   403    403  403  403   yes   403",
    ("GET", "/api/v1/users/<id>"): "                   yes   404  404   404    yes  yes  yes   yes   yes",
    ("PATCH", "/api/v1/users/<id>"): "                 403   404  404   404    403  403  403   yes   403",
    ("DELETE", "/api/v1/users/<id>"): "                403   404  404   404    403  403  403   yes   403",
    ("POST", "/api/v1/users/<id>/suspend"): "          403   404  404   404    403  yes  403   yes   403",
    ("POST", "/api/v1/users/<id>/reactivate"): "       403   404  404   404    403  yes  403   yes   403",
    ("POST", "/api/v1/users/<id>/accounts"): "         403   404  404   404    403  403  403   yes   403",
    ("DELETE", "/api/v1/users/<id>/accounts/<id>"): "  403   404  404   404    403  403  403   yes   403",
    ("GET", "/api/v1/accounts"): "                     yes   yes  yes   yes    yes  yes  yes   yes   yes",
    ("POST", "/api/v1/accounts"): "                    yes   yes  yes   yes    yes  yes  yes   yes   403",
    ("GET", "/api/v1/accounts/biggest"): "             yes   yes  yes   yes    yes  yes  yes   yes   yes",
    ("GET", "/api/v1/accounts/<id>"): "                yes   yes  yes   404    yes  yes  yes   yes   yes",
    ("PATCH", "/api/v1/accounts/<id>"): "              yes   403  403   404    403  yes  403   403   403",
    ("DELETE", "/api/v1/accounts/<id>"): "             403   403  403   404    403  403  403   yes   403",
    ("POST", "/api/v1/accounts/<id>/freeze"): "        403   403  403   404    403  yes  yes   403   403",
    ("POST", "/api/v1/accounts/<id>/unfreeze"): "      403   403  403   404    403  yes  yes   403   403",
    ("GET", "/api/v1/accounts/<id>/entries"): "        yes   yes  yes   404    yes  yes  yes   yes   yes",
    ("GET", "/api/v1/accounts/<id>/statement"): "      yes   yes  yes   404    yes  yes  yes   yes   yes",
    ("GET", "/api/v1/accounts/<id>/transactions"): "   yes   yes  yes   404    yes  yes  yes   yes   yes",
    ("GET", "/api/v1/transactions"): "                 yes   yes  yes   yes    yes  yes  yes   yes   yes",
    ("POST", "/api/v1/transactions"): "                yes   yes  yes   yes    yes  yes  yes   yes   403",
    ("POST", "/api/v1/transactions/batch"): "          yes   yes  yes   yes    yes  yes  yes   yes   403",
    ("GET", "/api/v1/transactions/<id>"): "            yes   yes  yes   404    yes  yes  yes   yes   yes",
    ("POST", "/api/v1/transactions/<id>/reversal"): "  yes   yes  403   404    403  yes  403   403   403",
    ("GET", "/health"): "                              yes   yes  yes   yes    yes  yes  yes   yes   yes",
    ("GET", "/health/ready"): "                        yes   yes  yes   yes    yes  yes  yes   yes   yes",
    ("GET", "/metrics"): "                             yes   yes  yes   yes    yes  yes  yes   yes   yes",
    ("GET", "/openapi.json"): "                        yes   yes  yes   yes    yes  yes  yes   yes   yes",
}


def list_routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Each method, rule and endpoint that is served."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, rule.rule, rule.endpoint


def plain(rule: str) -> str:
    return re.sub(r"<uuid:\w+>", "<id>", rule)


@dataclass(frozen=True)
class Cast:
    """One owner, the people who stand in each relation to what is theirs, and somebody to grant and to pay."""

    owner: Person
    people: dict[str, Person]
    admin: Person
    payer: Person


@pytest.fixture(scope="module")
def cast(app: Flask) -> Cast:
    admin, payer, owner = make_person(app, Role.ADMIN), make_person(app, balance="1000"), make_person(app)
    people = {
        "owner": owner,
        "operator": make_person(app),
        "viewer": make_person(app),
        "stranger": make_person(app),
        **{role.value: make_person(app, role) for role in STAFF},
    }
    for access in ("operator", "viewer"):
        body = {"account_id": str(owner.account_id), "access": access}
        assert admin.post(f"/users/{people[access].id}/accounts", body).status_code == 201
    return Cast(owner, people, admin, payer)


def find_object(cast: Cast, path: str) -> UUID | str:
    """The id of what ``path`` is about; a transaction is a new one each time, since reversing ends it."""
    if path.startswith("/api/v1/accounts"):
        assert cast.owner.account_id is not None
        return cast.owner.account_id
    if path.startswith("/api/v1/transactions"):
        body = {"type": "transfer", "destination_account_id": str(cast.owner.account_id)}
        answer = cast.payer.post("/transactions", {**body, "amount": "1", "currency": "USD"})
        return str(answer.json["id"])
    return cast.owner.id


def call(app: Flask, method: str, path: str, token: str | None) -> Any:
    """A call whose body is empty: who may act gets an error about it, who may not hears that first."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    return app.test_client(use_cookies=False).open(path, method=method, headers=headers)


def judge(status: int) -> str:
    return str(status) if status in {401, 403, 404, 405} else YES


def test_every_route_is_in_the_table(app: Flask) -> None:
    served = {
        (method, plain(rule))
        for method, rule, endpoint in list_routes(app)
        if rule not in PUBLIC_PAGES and not endpoint.startswith("backoffice.")
    }
    assert served == set(TABLE)
    assert {(operation.method, plain(operation.path)) for operation in OPERATIONS} == set(TABLE)


@pytest.mark.parametrize(("method", "path"), TABLE, ids=[f"{method} {path}" for method, path in TABLE])
def test_who_may_call(app: Flask, cast: Cast, method: str, path: str) -> None:
    expected = dict(zip(COLUMNS, TABLE[method, path].split(), strict=True))
    seen = {}
    for column, person in cast.people.items():
        token = person.tokens["access_token"]
        if path == "/api/v1/auth/logout":
            person = make_person(app, person.caller.role)
            token = person.tokens["access_token"]
        if (method, column) == ("DELETE", "admin"):
            seen[column] = judge_deletion(app, cast, path)
            continue
        target = path
        for _ in range(path.count("<id>")):
            # The second id, in /users/<id>/accounts/<id>, is never reached by those who may not.
            target = target.replace("<id>", str(find_object(cast, path)), 1)
        seen[column] = judge(call(app, method, target, token).status_code)
    assert seen == expected


def judge_deletion(app: Flask, cast: Cast, path: str) -> str:
    """What an administrator is answered who deletes something of nobody else's in this test."""
    victim, other = make_person(app), make_person(app)
    if path.startswith("/api/v1/accounts"):
        target = f"/api/v1/accounts/{victim.account_id}"
    elif path.endswith("/accounts/<id>"):
        cast.admin.post(f"/users/{other.id}/accounts", {"account_id": str(victim.account_id), "access": "viewer"})
        target = f"/api/v1/users/{other.id}/accounts/{victim.account_id}"
    else:
        target = f"/api/v1/users/{victim.id}"
    return judge(call(app, "DELETE", target, cast.people["admin"].tokens["access_token"]).status_code)


def test_nobody_gets_past_the_doors(app: Flask) -> None:
    """Every address, asked by nobody: it is public by the lists above, or it wants to know who asks."""
    for method, rule, endpoint in list_routes(app):
        target = re.sub(r"<(?:\w+:)?\w+>", "01900000-0000-7000-8000-000000000000", rule)
        answer = call(app, method, target, None)
        if (method, plain(rule)) in PUBLIC or rule in PUBLIC_PAGES or endpoint in PUBLIC_ENDPOINTS:
            assert answer.status_code not in {401, 403}, rule
        elif endpoint.startswith("backoffice."):
            is_refused = answer.status_code in {400, 403}  # a form without its CSRF token
            leads_to_sign_in = answer.status_code == 303 and "sign-in" in answer.headers["Location"]
            assert is_refused or leads_to_sign_in, (method, rule, answer.status_code)
        else:
            assert answer.status_code == 401, (method, rule)


def test_the_auditor_reads_everything_and_writes_nothing() -> None:
    writing = {Permission(name) for name in Permission} - {
        Permission.SEE_USERS,
        Permission.SEE_ACCOUNTS,
        Permission.SEE_TRANSACTIONS,
        Permission.SEE_LEDGER,
    }
    for role in READ_ONLY:
        assert not GRANTS[role] & writing
    column = COLUMNS.index("auditor")
    for (method, path), row in TABLE.items():
        may = row.split()[column] == YES
        assert may is (method == "GET" or "/auth/" in path) or path.endswith("/refresh"), (method, path)


def test_customers_are_granted_nothing_by_their_role() -> None:
    assert GRANTS[Role.CUSTOMER] == frozenset()
    assert set(GRANTS) == set(Role)


@pytest.mark.parametrize("role", list(Role))
def test_tokens_of_the_wrong_kind_open_nothing(make_staff: Callable[..., Person], app: Flask, role: Role) -> None:
    person = make_person(app, role)
    for method, rule, _ in list_routes(app):
        if rule.startswith("/api/") and (method, rule) not in PUBLIC and not rule.endswith("/refresh"):
            target = re.sub(r"<uuid:\w+>", str(person.id), rule)
            assert call(app, method, target, person.tokens["refresh_token"]).status_code == 401
