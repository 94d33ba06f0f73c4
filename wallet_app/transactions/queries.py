"""Reading transactions and statements, each caller what is theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, func, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from wallet_app.clock import day_bounds, parse_timestamp
from wallet_app.errors import Forbidden, NotFound
from wallet_app.identity.accounts import find_standing
from wallet_app.identity.caller import Caller
from wallet_app.identity.directory import list_visible_account_ids
from wallet_app.identity.models import User
from wallet_app.identity.permissions import Permission
from wallet_app.ledger.models import Account, Entry
from wallet_app.paging import Keyset, Page, by_newest, parse_decimal, parse_number, parse_uuid
from wallet_app.transactions.models import Transaction
from wallet_app.uow import run_in_unit_of_work

Moment = date | datetime


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """One line of an account's statement. ``balance_after`` is None on system accounts."""

    id: UUID
    amount: Decimal
    currency: str
    balance_after: Decimal | None
    entry_number: int | None
    transaction_id: UUID
    type: str
    description: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFilter:
    """What a list of transactions is narrowed by. A date stands for the whole day; a time as ``end`` is exclusive."""

    user_id: UUID | None = None
    account_id: UUID | None = None
    type: str | None = None
    status: str | None = None
    merchant_category: str | None = None
    start: Moment | None = None
    end: Moment | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    currency: str | None = None
    q: str | None = None


def get_transaction_for(caller: Caller, transaction_id: UUID) -> Transaction:
    """A transaction, to its parties and to staff who may see transactions.

    Raises:
        NotFound: no such transaction, or not the caller's to see.
    """

    def read(session: Session) -> Transaction:
        transaction = session.scalar(
            select(Transaction).where(Transaction.id == transaction_id).execution_options(populate_existing=True)
        )
        if transaction is None:
            raise NotFound
        if not caller.may(Permission.SEE_TRANSACTIONS):
            parties = {transaction.source_account_id, transaction.destination_account_id}
            if not parties & set(list_visible_account_ids(session, caller)):
                raise NotFound
        return transaction

    return run_in_unit_of_work(read)


def require_reversal_rights(caller: Caller, transaction: Transaction) -> None:
    """Judge, before anything is locked, whether the caller may reverse what they see; the move itself judges again.

    Raises:
        Forbidden: neither operations nor the recipient of a transfer.
    """
    caller.require_writing()
    if caller.may(Permission.REVERSE):
        return
    recipient = transaction.destination_account_id if transaction.type == "transfer" else None
    if recipient is None or find_standing(caller, recipient) not in {"owner", "operator"}:
        raise Forbidden("Only the recipient of a transfer, or operations, can take it back.")


def list_entries_of(transaction_id: UUID) -> Sequence[Entry]:
    """A transaction's entries, in the order they were posted."""
    statement = select(Entry).where(Entry.transaction_id == transaction_id).order_by(Entry.id)
    return run_in_unit_of_work(lambda session: session.scalars(statement).all())


def list_transactions(
    caller: Caller,
    criteria: TransactionFilter,
    *,
    sort_by: str = "created_at",
    descending: bool = True,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Transaction]:
    """The transactions a caller may see, by (``created_at``, ``id``) or by amount.

    Raises:
        NotFound: ``account_id`` or ``user_id`` names what is not the caller's to see.
        ValidationFailed: the cursor belongs to another list.
    """

    def read(session: Session) -> Sequence[Transaction]:
        accounts = _find_account_ids(session, caller, criteria)
        conditions = _make_conditions(criteria, _find_timezone(session, caller, criteria))
        if accounts is None:
            statement = keyset.limit(select(Transaction).where(*conditions), limit, cursor)
        else:
            statement = _select_of_accounts(accounts, conditions, sort_by, descending, limit, cursor)
        return session.scalars(statement).all()

    keyset = _make_keyset(Transaction, sort_by, descending)
    rows = run_in_unit_of_work(read)
    if sort_by == "amount":
        return keyset.make_page(rows, limit, lambda row: (row.amount, row.created_at, row.id))
    return keyset.make_page(rows, limit, lambda row: (row.created_at, row.id))


def _make_keyset(table: Any, sort_by: str, descending: bool) -> Keyset:
    if sort_by == "amount":
        columns = (table.amount, table.created_at, table.id)
        return Keyset("transactions by amount", columns, (parse_decimal, parse_timestamp, parse_uuid), descending)
    return by_newest("transactions", table.created_at, table.id, descending=descending)


def _select_of_accounts(
    account_ids: Sequence[UUID],
    conditions: Sequence[ColumnElement[bool]],
    sort_by: str,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Select[Any]:
    """One page over some accounts: the newest of each account and side, read from its index, then the newest of all.

    A plain OR over both sides would read and sort a whole history for each page.
    """
    wanted = select(func.unnest(literal(list(account_ids), ARRAY(Uuid))).label("account_id")).cte("wanted")
    sides = []
    for side in (Transaction.source_account_id, Transaction.destination_account_id):
        page = select(Transaction.id.label("id")).where(side == wanted.c.account_id, *conditions)
        lateral = _make_keyset(Transaction, sort_by, descending).limit(page, limit, cursor).lateral()
        sides.append(select(lateral.c.id).select_from(wanted).join(lateral, literal(True)))
    ids = union_all(*sides).subquery()
    statement = select(Transaction).where(Transaction.id.in_(select(ids.c.id)))
    return _make_keyset(Transaction, sort_by, descending).limit(statement, limit, cursor)


def _find_account_ids(session: Session, caller: Caller, criteria: TransactionFilter) -> Sequence[UUID] | None:
    """The accounts to look at, None for all.

    Raises:
        NotFound: a filter names what the caller may not see.
    """
    sees_all = caller.may(Permission.SEE_TRANSACTIONS)
    visible = None if sees_all else list_visible_account_ids(session, caller)
    if criteria.account_id is not None:
        if visible is not None and criteria.account_id not in visible:
            raise NotFound
        visible = [criteria.account_id]
    if criteria.user_id is not None:
        owned = list(session.scalars(select(Account.id).where(Account.user_id == criteria.user_id)))
        visible = owned if visible is None else [account_id for account_id in visible if account_id in owned]
        if not visible and not sees_all and criteria.user_id != caller.user_id:
            raise NotFound
    return visible


def _find_timezone(session: Session, caller: Caller, criteria: TransactionFilter) -> str:
    """The time zone that dates are read in: the owner's, of the account or user looked at, else the caller's."""
    owner_id = criteria.user_id or caller.user_id
    if criteria.account_id is not None:
        account_owner = session.scalar(select(Account.user_id).where(Account.id == criteria.account_id))
        owner_id = account_owner or owner_id
    return find_timezone(session, owner_id)


def find_timezone(session: Session, user_id: UUID) -> str:
    """The time zone that a person's dates are read in."""
    return session.scalar(select(User.timezone).where(User.id == user_id)) or "UTC"


def _make_conditions(criteria: TransactionFilter, timezone: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, value in (
        (Transaction.type, criteria.type),
        (Transaction.status, criteria.status),
        (Transaction.merchant_category, criteria.merchant_category),
        (Transaction.currency, criteria.currency),
    ):
        if value is not None:
            conditions.append(column == value)
    if criteria.min_amount is not None:
        conditions.append(Transaction.amount >= criteria.min_amount)
    if criteria.max_amount is not None:
        conditions.append(Transaction.amount <= criteria.max_amount)
    if criteria.start is not None:
        conditions.append(Transaction.created_at >= find_start(criteria.start, timezone))
    if criteria.end is not None:
        conditions.append(Transaction.created_at < find_end(criteria.end, timezone))
    if criteria.q:
        searched = (Transaction.description, Transaction.merchant_name, Transaction.reason)
        conditions.append(or_(*(column.icontains(criteria.q, autoescape=True) for column in searched)))
    return conditions


def find_start(moment: Moment, timezone: str) -> datetime:
    """The first moment that ``moment`` as a start lets in."""
    return moment if isinstance(moment, datetime) else day_bounds(moment, timezone)[0]


def find_end(moment: Moment, timezone: str) -> datetime:
    """The first moment that ``moment`` as an end keeps out."""
    return moment if isinstance(moment, datetime) else day_bounds(moment, timezone)[1]


def list_entries(account: Account, *, limit: int = 50, cursor: str | None = None) -> Page[StatementEntry]:
    """An account's statement, newest first. The caller must have been let through to the account.

    Customer entries are ordered by their gapless number, which is the order of time; system entries by time and id.
    """
    is_customer = account.kind == "customer"
    if is_customer:
        keyset = Keyset(f"entries of {account.id}", (Entry.entry_number,), (parse_number,))
    else:
        keyset = by_newest(f"entries of {account.id}", Entry.created_at, Entry.id)
    statement = (
        select(
            Entry.id,
            Entry.amount,
            Entry.currency,
            Entry.balance_after,
            Entry.entry_number,
            Entry.transaction_id,
            Transaction.type,
            Transaction.description,
            Entry.created_at,
        )
        .join(Transaction, Transaction.id == Entry.transaction_id)
        .where(Entry.account_id == account.id)
    )
    rows = run_in_unit_of_work(lambda session: session.execute(keyset.limit(statement, limit, cursor)).all())
    entries = [StatementEntry(**row._asdict()) for row in rows]
    return keyset.make_page(
        entries, limit, lambda entry: (entry.entry_number,) if is_customer else (entry.created_at, entry.id)
    )
