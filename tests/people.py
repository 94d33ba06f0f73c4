"""People for tests: made through the services, signed in through a real session, calling over the real HTTP layer."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from flask import Flask

from tests.openapi_check import check_against_openapi
from wallet_app.api.auth import make_tokens
from wallet_app.identity.caller import Caller
from wallet_app.identity.passwords import hash_password
from wallet_app.identity.permissions import Role
from wallet_app.identity.sessions import open_session
from wallet_app.identity.users import add_user
from wallet_app.ledger.accounts import open_account
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions.idempotency import StoredAnswer
from wallet_app.transactions.moves import Policy
from wallet_app.transactions.pipeline import Moved, MoveRequest, execute
from wallet_app.transactions.top_up import TopUp
from wallet_app.uow import run_in_unit_of_work

PASSWORD = "correct-horse-battery"


@cache
def _hash() -> str:
    return hash_password(PASSWORD)


@dataclass(frozen=True)
class Person:
    """Somebody signed in. Each call uses a client of its own; answers are held against OpenAPI."""

    app: Flask
    caller: Caller
    email: str
    account_id: UUID | None
    account_number: str | None
    tokens: dict[str, Any]

    @property
    def id(self) -> UUID:
        return self.caller.user_id

    def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
    ) -> Any:
        sent = {"Authorization": f"Bearer {self.tokens['access_token']}", **(headers or {})}
        if key is not None:
            sent["Idempotency-Key"] = key
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        client = self.app.test_client(use_cookies=False)
        response = client.open(f"/api/v1{path}", method=method, json=json, data=data, headers=sent)
        check_against_openapi(method, f"/api/v1{path}", response)
        return response

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.call("GET", path, **kwargs)

    def post(self, path: str, json: Any = None, **kwargs: Any) -> Any:
        return self.call("POST", path, json, **kwargs)

    def patch(self, path: str, json: Any = None, **kwargs: Any) -> Any:
        return self.call("PATCH", path, json, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Any:
        return self.call("DELETE", path, **kwargs)

    def read_balance(self) -> str:
        """This person's first account's balance, over the API."""
        balance: str = self.get(f"/accounts/{self.account_id}").json["balance"]
        return balance


def make_person(
    app: Flask,
    role: Role = Role.CUSTOMER,
    *,
    currency: str = "USD",
    balance: str = "0",
    timezone: str = "UTC",
    full_name: str = "Test Person",
    email: str | None = None,
) -> Person:
    """Somebody new, signed in; a customer with an account in ``currency`` holding ``balance``."""
    address = email or f"{uuid4().hex}@people.example"
    with app.app_context():
        user, account = run_in_unit_of_work(lambda session: _add(session, role, address, full_name, currency, timezone))
        opened = open_session(user.id)
        caller = Caller(user.id, role, "active", opened.session_id)
        if account is not None and Decimal(balance):
            top_up(caller, account.id, balance, currency)
    with app.test_request_context():
        tokens = make_tokens(opened)
    return Person(app, caller, address, account.id if account else None, account.number if account else None, tokens)


def _add(session: Any, role: Role, email: str, full_name: str, currency: str, timezone: str) -> tuple[Any, Any]:
    user = add_user(
        session,
        email=email,
        password_hash=_hash(),
        full_name=full_name,
        role=role,
        profile={"currency": currency, "timezone": timezone},
    )
    if role is not Role.CUSTOMER:
        return user, None
    return user, open_account(session, user.id, currency, is_primary=True)


def top_up(caller: Caller, account_id: UUID, amount: str, currency: str) -> None:
    """Give an account money, as the sandbox lets its owner do."""
    move = TopUp(account=AccountRef("id", str(account_id)), amount=Decimal(amount), currency=currency)
    (result,) = execute(
        caller, [MoveRequest(move)], policy=Policy(sandbox=True), render=lambda outcome: StoredAnswer(200, "")
    )
    assert isinstance(result.outcome, Moved), result.outcome
