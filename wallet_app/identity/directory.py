"""Finding people and accounts: the lists that customers and staff look through."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Connection, Select, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from wallet_app.identity.caller import Caller
from wallet_app.identity.models import AccountAccess, User
from wallet_app.identity.permissions import Permission
from wallet_app.ledger.models import Account
from wallet_app.paging import Page, by_newest
from wallet_app.uow import run_in_unit_of_work


def list_users(
    caller: Caller,
    *,
    q: str | None = None,
    status: str | None = None,
    kyc_status: str | None = None,
    role: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[User]:
    """Users, newest first; ``q`` is part of an email, name or company. Raises Forbidden, ValidationFailed."""
    caller.require(Permission.SEE_USERS)
    statement = select(User)
    for column, value in ((User.status, status), (User.kyc_status, kyc_status), (User.role, role)):
        if value is not None:
            statement = statement.where(column == value)
    if q:
        statement = statement.where(
            or_(*(column.icontains(q, autoescape=True) for column in (User.email, User.full_name, User.company)))
        )
    keyset = by_newest("users", User.created_at, User.id)
    rows = run_in_unit_of_work(lambda session: session.scalars(keyset.limit(statement, limit, cursor)).all())
    return keyset.make_page(rows, limit, lambda user: (user.created_at, user.id))


def list_accounts(
    caller: Caller,
    *,
    user_id: UUID | None = None,
    currency: str | None = None,
    status: str | None = None,
    q: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Account]:
    """The customer accounts a caller may see, newest first; ``q`` is part of a number, label, email or name."""
    statement = _select_visible(caller)
    for column, value in ((Account.user_id, user_id), (Account.currency, currency), (Account.status, status)):
        if value is not None:
            statement = statement.where(column == value)
    if q:
        owners = select(User.id).where(
            or_(User.email.icontains(q, autoescape=True), User.full_name.icontains(q, autoescape=True))
        )
        statement = statement.where(
            or_(
                Account.number.contains(q, autoescape=True),
                Account.label.icontains(q, autoescape=True),
                Account.user_id.in_(owners),
            )
        )
    keyset = by_newest("accounts", Account.created_at, Account.id)
    rows = run_in_unit_of_work(lambda session: session.scalars(keyset.limit(statement, limit, cursor)).all())
    return keyset.make_page(rows, limit, lambda account: (account.created_at, account.id))


def list_biggest_accounts(caller: Caller) -> Sequence[Account]:
    """The account with the largest balance of each currency, among those open and visible to the caller."""
    statement = (
        _select_visible(caller)
        .where(Account.status != "closed")
        .ext(distinct_on(Account.currency))
        .order_by(Account.currency, Account.balance.desc(), Account.id)
    )
    return run_in_unit_of_work(lambda session: session.scalars(statement).all())


def list_visible_account_ids(session: Session, caller: Caller) -> list[UUID]:
    """The ids of one's own and shared accounts. Only for callers who may not see all."""
    shared = select(AccountAccess.account_id).where(AccountAccess.user_id == caller.user_id)
    own = select(Account.id).where(Account.user_id == caller.user_id)
    return list(session.scalars(own.union(shared)))


def find_known_emails(connection: Connection, emails: Collection[str]) -> frozenset[str]:
    """Those of ``emails`` (lower case) that a user who is not closed is registered with."""
    statement = select(User.email).where(User.email.in_(emails), User.status != "closed")
    return frozenset(connection.scalars(statement))


def _select_visible(caller: Caller) -> Select[Account]:
    statement = select(Account).where(Account.kind == "customer")
    if caller.may(Permission.SEE_ACCOUNTS):
        return statement
    shared = select(AccountAccess.account_id).where(AccountAccess.user_id == caller.user_id)
    return statement.where(or_(Account.user_id == caller.user_id, Account.id.in_(shared)))
