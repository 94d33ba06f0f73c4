"""Opening accounts and changing their settings. Each function works within a running unit of work."""

import secrets
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from wallet_app import clock
from wallet_app.errors import AccountNotEmpty, AccountNotFrozen, AccountNotOpen, Forbidden, NotFound, OverdraftInUse
from wallet_app.ledger.models import SYSTEM_KINDS, Account

NUMBER_DIGITS = 12


def open_account(
    session: Session, user_id: UUID, currency: str, *, is_primary: bool, label: str | None = None
) -> Account:
    """Open a customer account, and the system's accounts of its currency with the first one."""
    _ensure_system_accounts(session, currency)
    account = Account(
        id=uuid7(),
        number=make_account_number(),
        kind="customer",
        user_id=user_id,
        currency=currency,
        label=label,
        status="active",
        is_primary=is_primary,
        balance=Decimal(0),
        held=Decimal(0),
        overdraft_limit=Decimal(0),
        entry_count=0,
        version=1,
        created_at=clock.now(),
    )
    session.add(account)
    session.flush()
    return account


def make_account_number() -> str:
    """Twelve digits: ten at random and two check digits (ISO 7064 MOD 97-10), so that no typo names another account."""
    body = secrets.randbelow(9 * 10**9) + 10**9
    return f"{body}{98 - body * 100 % 97:02d}"


def _ensure_system_accounts(session: Session, currency: str) -> None:
    now = clock.now()
    rows = [
        {"id": uuid7(), "number": f"{kind}-{currency}", "kind": kind, "currency": currency, "created_at": now}
        for kind in SYSTEM_KINDS
    ]
    session.execute(insert(Account).values(rows).on_conflict_do_nothing())


def get_locked_account(session: Session, account_id: UUID) -> Account:
    """Lock a customer account to change its settings.

    Raises:
        NotFound: no such account.
        Forbidden: one of the system's own, whose settings nobody changes.
        AccountNotOpen: it is closed.
    """
    if session.scalar(select(Account.kind).where(Account.id == account_id)) not in {"customer", None}:
        raise Forbidden("The system's own accounts have no settings to change.")
    statement = select(Account).where(Account.id == account_id)
    account = session.scalar(statement.with_for_update(key_share=True).execution_options(populate_existing=True))
    if account is None:
        raise NotFound
    if account.status == "closed":
        raise AccountNotOpen
    return account


def find_primary_account(session: Session, user_id: UUID, currency: str) -> Account | None:
    """The user's account that stands for an omitted one in ``currency``."""
    return session.scalar(
        select(Account).where(Account.user_id == user_id, Account.currency == currency, Account.is_primary)
    )


def list_open_accounts(session: Session, user_id: UUID) -> Sequence[Account]:
    """A user's accounts that are not closed, locked in id order."""
    statement = select(Account).where(Account.user_id == user_id, Account.status != "closed").order_by(Account.id)
    return session.scalars(statement.with_for_update(key_share=True).execution_options(populate_existing=True)).all()


def freeze_account(account: Account, scope: str) -> None:
    """Freeze a locked account for money out (``debit``) or all moves (``all``); freezing again changes the scope."""
    account.status = "frozen"
    account.freeze_scope = scope
    account.version += 1


def unfreeze_account(account: Account) -> None:
    """Raises:
    AccountNotFrozen: there is no freeze to lift.
    """
    if account.status != "frozen":
        raise AccountNotFrozen
    account.status = "active"
    account.freeze_scope = None
    account.version += 1


def set_overdraft_limit(account: Account, limit: Decimal) -> None:
    """Let a locked account go down to −``limit``, in its own currency.

    Raises:
        OverdraftInUse: the account is already deeper than the new limit allows.
    """
    if account.balance - account.held < -limit:
        raise OverdraftInUse("The account is deeper in overdraft than this limit. Bring money in first.")
    account.overdraft_limit = limit


def close_account(session: Session, account: Account) -> None:
    """Close a locked account that is empty.

    Raises:
        AccountNotEmpty: it has a balance, or money held.
    """
    if account.balance or account.held:
        raise AccountNotEmpty
    account.status = "closed"
    account.freeze_scope = None
    account.is_primary = False
    account.closed_at = clock.now()
    account.version += 1
    session.flush()


def promote_oldest_account(session: Session, closed: Account) -> None:
    """Make the oldest open account of the same owner and currency primary, if there is one. The owner is locked."""
    successor = session.scalar(
        select(Account)
        .where(Account.user_id == closed.user_id, Account.currency == closed.currency, Account.status != "closed")
        .order_by(Account.created_at, Account.id)
        .limit(1)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if successor is not None:
        successor.is_primary = True
        successor.version += 1


def count_accounts(session: Session, user_id: UUID, currency: str) -> int:
    """How many accounts, closed ones left out, a user has in ``currency``."""
    return (
        session.scalar(
            select(func.count()).where(
                Account.user_id == user_id, Account.currency == currency, Account.status != "closed"
            )
        )
        or 0
    )
