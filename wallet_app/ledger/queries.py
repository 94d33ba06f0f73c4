"""Reading the ledger: balances now and at any past moment, and the system's own accounts."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wallet_app.ledger.models import Account, Entry, HoldMovement, SystemDelta

ZERO = Decimal(0)

# What postings did to a system account since the last fold, read in the statement that reads its row.
_OPEN_DELTAS = (
    select(func.coalesce(func.sum(SystemDelta.amount), 0)).where(SystemDelta.account_id == Account.id).scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's balance and held money at one moment, in its currency."""

    balance: Decimal
    held: Decimal


@dataclass(frozen=True, slots=True)
class SystemBalance:
    """A system account and its balance, the deltas not yet folded included."""

    account_id: UUID
    kind: str
    currency: str
    balance: Decimal


def read_standing_at(session: Session, account: Account, at: datetime) -> Standing:
    """How an account stood at ``at``, moves of that very microsecond included; zero before its first one."""
    if account.kind != "customer":
        total = session.scalar(
            select(func.coalesce(func.sum(Entry.amount), 0)).where(
                Entry.account_id == account.id, Entry.created_at <= at
            )
        )
        return Standing(total or ZERO, ZERO)
    balance = (
        select(Entry.balance_after)
        .where(Entry.account_id == account.id, Entry.created_at <= at)
        .order_by(Entry.created_at.desc(), Entry.entry_number.desc())
        .limit(1)
        .scalar_subquery()
    )
    held = (
        select(HoldMovement.held_after)
        .where(HoldMovement.account_id == account.id, HoldMovement.created_at <= at)
        .order_by(HoldMovement.created_at.desc(), HoldMovement.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    # One statement, one snapshot: balance and held belong to the same moment.
    row = session.execute(select(balance, held)).one()
    return Standing(row[0] or ZERO, row[1] or ZERO)


def list_system_balances(session: Session) -> list[SystemBalance]:
    """Every system account with its balance: the row and its open deltas, read in one statement."""
    rows = session.execute(
        select(Account.id, Account.kind, Account.currency, Account.balance + _OPEN_DELTAS)
        .where(Account.kind != "customer")
        .order_by(Account.currency, Account.kind)
    )
    return [SystemBalance(*row) for row in rows]


def read_system_balance(session: Session, account: Account) -> Decimal:
    """A system account's balance now: its row and its open deltas, read in one statement."""
    return session.scalar(select(Account.balance + _OPEN_DELTAS).where(Account.id == account.id)) or ZERO
