"""Facts made by hand, for decisions without a database."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from wallet_app.identity.caller import Caller
from wallet_app.identity.permissions import Role
from wallet_app.ledger.locking import LockedAccount
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions.moves import Facts, Original, Policy

ANA, BO, STAFF = UUID(int=1), UUID(int=2), UUID(int=3)
ORIGINAL = UUID(int=9)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

SOURCE, DESTINATION = AccountRef("id", "source"), AccountRef("id", "destination")
CASH = AccountRef("cash", currency="USD")


def make_caller(user_id: UUID = ANA, role: Role = Role.CUSTOMER, status: str = "active") -> Caller:
    return Caller(user_id, role, status, session_id=UUID(int=99))


def make_account(owner: UUID | None = ANA, **changes: Any) -> LockedAccount:
    """A customer's active USD account with 100 on it, save for ``changes``; without owner, the system's cash."""
    values: dict[str, Any] = {
        "id": UUID(int=1000 + (owner.int if owner else 0)),
        "number": "number",
        "kind": "customer" if owner else "cash",
        "user_id": owner,
        "currency": "USD",
        "status": "active",
        "freeze_scope": None,
        "balance": Decimal(100) if owner else Decimal(0),
        "held": Decimal(0),
        "overdraft_limit": Decimal(0),
        "entry_count": 3 if owner else 0,
        "last_moved_at": NOW if owner else None,
        "owner_status": "active" if owner else None,
        "access": {},
    }
    return LockedAccount(**{**values, **changes})


class Situation(NamedTuple):
    """What a move decides from: ``move.decide(*situation)``."""

    caller: Caller
    facts: Facts

    @property
    def accounts(self) -> dict[AccountRef, LockedAccount]:
        return self.facts.accounts


def make_facts(
    caller: Caller | None = None,
    *,
    source: LockedAccount | None = None,
    destination: LockedAccount | None = None,
    original: Original | None = None,
    sandbox: bool = False,
) -> Situation:
    """Ana's account as ``SOURCE``, Bo's as ``DESTINATION`` and the system's cash, unless given otherwise."""
    source = source or make_account(ANA)
    destination = destination or make_account(BO)
    accounts = {SOURCE: source, DESTINATION: destination, CASH: make_account(None)}
    originals = {original.id: original} if original else {}
    return Situation(caller or make_caller(), Facts(Policy(sandbox=sandbox), NOW, accounts, originals))


def make_original(**changes: Any) -> Original:
    """A completed transfer of 40 from Ana to Bo."""
    ana, bo = make_account(ANA).id, make_account(BO).id
    values: dict[str, Any] = {
        "id": ORIGINAL,
        "type": "transfer",
        "status": "completed",
        "amount": Decimal(40),
        "currency": "USD",
        "refunded_amount": Decimal(0),
        "source_account_id": ana,
        "destination_account_id": bo,
        "entries": ((ana, Decimal(-40)), (bo, Decimal(40))),
    }
    return Original(**{**values, **changes})
