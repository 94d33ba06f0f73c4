"""Accounts on behalf of a caller: who sees which, who may change what, each staff write with its audit event."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wallet_app import clock
from wallet_app.audit import record_event
from wallet_app.errors import AccessExists, AccountExists, Conflict, NotFound, StaleVersion
from wallet_app.identity.caller import Caller
from wallet_app.identity.models import AccountAccess, User
from wallet_app.identity.permissions import Permission, Role
from wallet_app.identity.users import get_user_for
from wallet_app.ledger import accounts as ledger_accounts
from wallet_app.ledger.models import Account
from wallet_app.money import format_amount, get_currency
from wallet_app.uow import run_in_unit_of_work


@dataclass(frozen=True, slots=True)
class SeenAccount:
    """An account and what the caller is to it: ``owner``, ``operator``, ``viewer`` or ``staff``."""

    account: Account
    standing: str


def get_account_for(caller: Caller, account_id: UUID) -> SeenAccount:
    """The account, to its owner, to those it is shared with, and to staff who may see accounts.

    Raises:
        NotFound: no such account, or not the caller's to see. System accounts are seen with ``SEE_LEDGER``.
    """
    return run_in_unit_of_work(lambda session: _get_seen(session, caller, account_id))


def find_standing(caller: Caller, account_id: UUID) -> str | None:
    """What the caller is to an account (see ``SeenAccount``), None when it is not theirs to see."""
    try:
        return get_account_for(caller, account_id).standing
    except NotFound:
        return None


def _get_seen(session: Session, caller: Caller, account_id: UUID) -> SeenAccount:
    statement = (
        select(Account, AccountAccess.access)
        .outerjoin(AccountAccess, (AccountAccess.account_id == Account.id) & (AccountAccess.user_id == caller.user_id))
        .where(Account.id == account_id)
        .execution_options(populate_existing=True)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    account, access = row
    if account.user_id == caller.user_id:
        return SeenAccount(account, "owner")
    if access:
        return SeenAccount(account, access)
    if caller.may(Permission.SEE_ACCOUNTS if account.kind == "customer" else Permission.SEE_LEDGER):
        return SeenAccount(account, "staff")
    raise NotFound


def open_account(caller: Caller, *, currency: str, label: str | None = None, user_id: UUID | None = None) -> Account:
    """Open an account for oneself, or for ``user_id`` with ``OPEN_ACCOUNTS``.

    The first in a currency is primary. A customer has one per currency; staff may open more.

    Raises:
        AccountExists: the customer has an account in this currency.
        Forbidden: staff who may not open accounts for others; an auditor.
        NotFound: the user is not there, or not the caller's to see.
        UnknownCurrency
    """
    caller.require_writing()
    owner_id = user_id or caller.user_id
    if owner_id != caller.user_id:
        get_user_for(caller, owner_id)
        caller.require(Permission.OPEN_ACCOUNTS)
    get_currency(currency)

    def open_it(session: Session) -> Account:
        # The owner's row orders two openings in one currency.
        owner = session.scalar(
            select(User)
            .where(User.id == owner_id, User.status != "closed")
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        if owner is None:
            raise NotFound
        existing = ledger_accounts.count_accounts(session, owner_id, currency)
        if existing and not caller.is_staff:
            raise AccountExists(details={"currency": currency})
        is_primary = ledger_accounts.find_primary_account(session, owner_id, currency) is None
        account = ledger_accounts.open_account(session, owner_id, currency, is_primary=is_primary, label=label)
        if caller.is_staff:
            _record(session, caller, "account.opened", account, after={"user_id": str(owner_id), "currency": currency})
        return account

    return run_in_unit_of_work(open_it)


def require_settings_rights(caller: Caller, seen: SeenAccount) -> None:
    """Raises:
    Forbidden: the caller sees the account, but neither owns it nor may label accounts; an auditor.
    """
    caller.require_writing()
    if seen.standing != "owner":
        caller.require(Permission.LABEL_ACCOUNTS)


def edit_account(
    caller: Caller, account_id: UUID, version: int, *, changes: dict[str, str | None], overdraft_limit: Decimal | None
) -> Account:
    """Change the label (``changes["label"]``) or the overdraft limit, if the account is still at ``version``.

    Raises:
        StaleVersion: somebody changed the settings meanwhile.
        OverdraftInUse, Forbidden, NotFound, AccountNotOpen
    """
    if overdraft_limit is not None:
        caller.require(Permission.SET_OVERDRAFT)

    def edit(session: Session) -> Account:
        require_settings_rights(caller, _get_seen(session, caller, account_id))
        account = ledger_accounts.get_locked_account(session, account_id)
        if account.version != version:
            raise StaleVersion(details={"version": account.version})
        before = _describe_settings(account)
        if "label" in changes:
            account.label = changes["label"]
        if overdraft_limit is not None:
            ledger_accounts.set_overdraft_limit(account, overdraft_limit)
        account.version += 1
        if caller.is_staff:
            _record(session, caller, "account.edited", account, before=before, after=_describe_settings(account))
        return account

    return run_in_unit_of_work(edit)


def freeze_account(caller: Caller, account_id: UUID, *, scope: str, reason: str) -> Account:
    """Stop money out (``debit``) or all moves (``all``). Raises Forbidden, NotFound, AccountNotOpen."""
    caller.require(Permission.FREEZE_ACCOUNTS)
    return _change(
        caller,
        account_id,
        "account.frozen",
        reason,
        lambda session, account: ledger_accounts.freeze_account(account, scope),
    )


def unfreeze_account(caller: Caller, account_id: UUID, *, reason: str) -> Account:
    """Lift a freeze. Raises AccountNotFrozen, Forbidden, NotFound, AccountNotOpen."""
    caller.require(Permission.FREEZE_ACCOUNTS)
    return _change(
        caller,
        account_id,
        "account.unfrozen",
        reason,
        lambda session, account: ledger_accounts.unfreeze_account(account),
    )


def close_account(caller: Caller, account_id: UUID) -> None:
    """Close an empty account for good. If it was primary, the oldest one left in its currency takes its place.

    Raises:
        AccountNotEmpty, Forbidden, NotFound, AccountNotOpen
    """
    caller.require(Permission.CLOSE_ACCOUNTS)
    _change(caller, account_id, "account.closed", None, _close)


def _close(session: Session, account: Account) -> None:
    was_primary = account.is_primary
    ledger_accounts.close_account(session, account)
    if was_primary:
        ledger_accounts.promote_oldest_account(session, account)


def grant_access(caller: Caller, user_id: UUID, account_id: UUID, access: str) -> None:
    """Share an account with a customer as ``viewer`` or ``operator``; granting again changes which.

    Raises:
        AccessExists: the account is the user's own.
        Conflict: the user is staff, whose rights come from their role alone.
        Forbidden, NotFound, AccountNotOpen
    """
    caller.require(Permission.GRANT_ACCESS)

    def grant(session: Session) -> None:
        user = session.scalar(select(User).where(User.id == user_id, User.status != "closed"))
        if user is None:
            raise NotFound
        account = ledger_accounts.get_locked_account(session, account_id)
        if account.user_id == user_id:
            raise AccessExists
        if user.role != Role.CUSTOMER:
            raise Conflict("Staff work through their role: share accounts with customers only.")
        existing = session.get(AccountAccess, (account_id, user_id))
        before: dict[str, object] | None = {"access": existing.access} if existing else None
        if existing:
            existing.access = access
        else:
            session.add(AccountAccess(account_id=account_id, user_id=user_id, access=access, granted_at=clock.now()))
        _record(
            session,
            caller,
            "account.access_granted",
            account,
            before=before,
            after={"user_id": str(user_id), "access": access},
        )

    run_in_unit_of_work(grant)


def revoke_access(caller: Caller, user_id: UUID, account_id: UUID) -> None:
    """Take shared access away. Raises Forbidden, and NotFound where there is none."""
    caller.require(Permission.GRANT_ACCESS)

    def revoke(session: Session) -> None:
        # Moves read access under this lock: what is answered after it moves no money with the access taken away.
        session.execute(select(Account.id).where(Account.id == account_id).with_for_update(key_share=True))
        existing = session.get(AccountAccess, (account_id, user_id), with_for_update=True)
        if existing is None:
            raise NotFound
        session.delete(existing)
        record_event(
            session,
            caller.actor,
            "account.access_revoked",
            object_type="account",
            object_id=account_id,
            before={"user_id": str(user_id), "access": existing.access},
        )

    run_in_unit_of_work(revoke)


def _change(
    caller: Caller, account_id: UUID, action: str, reason: str | None, change: Callable[[Session, Account], None]
) -> Account:
    """Lock the account, apply ``change(session, account)``, and record ``action`` with the settings around it."""

    def run(session: Session) -> Account:
        _lock_owner(session, account_id)
        account = ledger_accounts.get_locked_account(session, account_id)
        before = _describe_settings(account)
        change(session, account)
        _record(session, caller, action, account, before=before, after=_describe_settings(account), reason=reason)
        return account

    return run_in_unit_of_work(run)


def _lock_owner(session: Session, account_id: UUID) -> None:
    """Owners are locked before accounts, everywhere: it orders openings, closings and money moves of one person."""
    owner_id = select(Account.user_id).where(Account.id == account_id).scalar_subquery()
    session.execute(select(User.id).where(User.id == owner_id).with_for_update(key_share=True))


def _describe_settings(account: Account) -> dict[str, object]:
    return {
        "label": account.label,
        "status": account.status,
        "freeze_scope": account.freeze_scope,
        "overdraft_limit": format_amount(account.overdraft_limit, get_currency(account.currency)),
        "version": account.version,
    }


def _record(
    session: Session,
    caller: Caller,
    action: str,
    account: Account,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
    reason: str | None = None,
) -> None:
    record_event(
        session,
        caller.actor,
        action,
        object_type="account",
        object_id=account.id,
        before=before,
        after=after,
        reason=reason,
    )
