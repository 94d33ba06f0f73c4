"""People to move money for the benchmark: each with one USD account, money in it and an access token.

They are made through the services, in a few large units of work; only the password hash is shared, since a
thousand of them would take two minutes.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from config import load_config
from wallet_app import create_app
from wallet_app.api.auth import make_tokens
from wallet_app.identity.caller import Caller as SignedIn
from wallet_app.identity.passwords import hash_password
from wallet_app.identity.permissions import Role
from wallet_app.identity.sessions import open_session
from wallet_app.identity.users import add_user
from wallet_app.ledger.accounts import open_account
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions.idempotency import StoredAnswer
from wallet_app.transactions.moves import Policy
from wallet_app.transactions.pipeline import MoveRequest, execute
from wallet_app.transactions.top_up import TopUp
from wallet_app.uow import run_in_unit_of_work

OPENING_BALANCE = Decimal("1000.00")
TOKEN_LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """A customer who is signed in."""

    token: str
    account_id: str


def make_callers(environment: Mapping[str, str], count: int) -> list[Caller]:
    """`count` customers with OPENING_BALANCE USD each, in the database that `environment` names."""
    app = create_app(load_config(environment))
    app.config["JWT_ACCESS_TOKEN_EXPIRES"] = TOKEN_LIFETIME
    password_hash = hash_password(secrets.token_hex(16))
    with app.app_context():
        cashier_id, people = run_in_unit_of_work(lambda session: _add_people(session, count, password_hash))
        cashier = SignedIn(cashier_id, Role.OPERATIONS, "active", open_session(cashier_id).session_id)
        top_ups = [MoveRequest(_top_up(account_id)) for _, account_id in people]
        execute(cashier, top_ups, policy=Policy(), render=lambda _: StoredAnswer(201, ""))
        return [
            Caller(str(make_tokens(open_session(user_id))["access_token"]), str(account_id))
            for user_id, account_id in people
        ]


def _add_people(session: Session, count: int, password_hash: str) -> tuple[UUID, list[tuple[UUID, UUID]]]:
    """The cashier's id, and each customer's user id and account id."""

    def add(name: str, role: Role) -> UUID:
        return add_user(
            session,
            email=f"{name}@example.com",
            password_hash=password_hash,
            full_name=f"Bench {name}",
            role=role,
            profile={},
        ).id

    people = []
    for number in range(count):
        user_id = add(f"bench-{number}", Role.CUSTOMER)
        people.append((user_id, open_account(session, user_id, "USD", is_primary=True).id))
    return add("bench-cashier", Role.OPERATIONS), people


def _top_up(account_id: UUID) -> TopUp:
    return TopUp(account=AccountRef("id", str(account_id)), amount=OPENING_BALANCE, currency="USD")
