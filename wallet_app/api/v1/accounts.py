"""Accounts: open, list, read, label, freeze, close, and their entries."""

from uuid import UUID

from flask import Blueprint, Response

from wallet_app.api.answers import CSV_TYPE, reply, reply_csv, reply_empty, reply_page
from wallet_app.api.body import read_body, read_query, read_version
from wallet_app.api.endpoint import endpoint
from wallet_app.api.fields import PageQuery, parse_moment
from wallet_app.api.v1.accounts_schema import (
    AccountEditIn,
    AccountIn,
    AccountOut,
    AccountQuery,
    AccountsOut,
    AccountsQuery,
    BiggestAccountsOut,
    EntriesOut,
    FreezeIn,
    StatementOut,
    StatementQuery,
)
from wallet_app.api.v1.rendering import render_account, render_entry, render_statement
from wallet_app.api.v1.statements_csv import name_statement_file, write_statement_csv
from wallet_app.api.v1.transactions_listing import list_page
from wallet_app.api.v1.transactions_schema import AccountTransactionsQuery, TransactionsOut
from wallet_app.api.v1.users_schema import ReasonIn
from wallet_app.clock import parse_timestamp
from wallet_app.identity import accounts as service
from wallet_app.identity.caller import Caller
from wallet_app.identity.directory import list_accounts, list_biggest_accounts
from wallet_app.identity.permissions import Permission
from wallet_app.ledger.models import Account
from wallet_app.ledger.queries import Standing, read_standing_at, read_system_balance
from wallet_app.money import get_currency, parse_amount_or_zero
from wallet_app.transactions.queries import list_entries
from wallet_app.transactions.statements import read_statement
from wallet_app.uow import run_in_unit_of_work

accounts = Blueprint("accounts", __name__, url_prefix="/api/v1/accounts")


def _reply_account(account: Account, status: int = 200) -> Response:
    return reply(render_account(account), status, {"ETag": f'"{account.version}"'})


@endpoint(accounts, "GET", "", tag="Accounts", query=AccountsQuery, answers={200: AccountsOut})
def index(caller: Caller) -> Response:
    """List accounts: one's own and shared ones; all as staff."""
    query = read_query(AccountsQuery)
    page = list_accounts(
        caller,
        user_id=UUID(str(query.user_id)) if query.user_id else None,
        currency=query.currency,
        status=query.status,
        q=query.q,
        limit=query.limit,
        cursor=query.cursor,
    )
    return reply_page(page, render_account)


@endpoint(accounts, "GET", "/biggest", tag="Accounts", answers={200: BiggestAccountsOut})
def show_biggest(caller: Caller) -> Response:
    """Read the largest account of each currency among those one may see."""
    return reply({"data": [render_account(account) for account in list_biggest_accounts(caller)]})


@endpoint(
    accounts,
    "POST",
    "",
    tag="Accounts",
    body=AccountIn,
    answers={201: AccountOut},
    errors=(403, 404, 409),
    has_etag=True,
)
def create(caller: Caller) -> Response:
    """Open an account.

    A customer has one per currency. Administrators open more, and for others with `user_id`.
    """
    caller.require_writing()
    body = read_body(AccountIn)
    account = service.open_account(
        caller,
        currency=body.currency,
        label=body.label,
        user_id=UUID(str(body.user_id)) if body.user_id else None,
    )
    return _reply_account(account, 201)


@endpoint(
    accounts,
    "GET",
    "/<uuid:account_id>",
    tag="Accounts",
    query=AccountQuery,
    answers={200: AccountOut},
    has_etag=True,
)
def show(caller: Caller, account_id: UUID) -> Response:
    """Read an account, now or as its balance and held money stood `at` a past moment, that moment included."""
    account = service.get_account_for(caller, account_id).account
    query = read_query(AccountQuery)
    if query.at is not None:
        moment = parse_timestamp(query.at)
        standing = run_in_unit_of_work(lambda session: read_standing_at(session, account, moment))
        return reply(render_account(account, standing.balance, standing.held))
    if account.kind != "customer":
        standing = Standing(run_in_unit_of_work(lambda session: read_system_balance(session, account)), account.held)
        return reply(render_account(account, standing.balance, standing.held))
    return _reply_account(account)


@endpoint(
    accounts,
    "PATCH",
    "/<uuid:account_id>",
    tag="Accounts",
    body=AccountEditIn,
    answers={200: AccountOut},
    errors=(403, 409, 412, 422, 428),
    headers=("If-Match",),
    has_etag=True,
)
def edit(caller: Caller, account_id: UUID) -> Response:
    """Change the label, or as operations the overdraft limit too.

    `If-Match` takes the ETag last read, and refuses with 412 what was changed meanwhile.
    """
    seen = service.get_account_for(caller, account_id)
    service.require_settings_rights(caller, seen)
    version = read_version()
    body = read_body(AccountEditIn)
    limit = None
    if "overdraft_limit" in body.model_fields_set:
        caller.require(Permission.SET_OVERDRAFT)
        currency = get_currency(seen.account.currency)
        limit = parse_amount_or_zero(body.overdraft_limit, currency, field="overdraft_limit")
    changes = body.model_dump(include={"label"}, exclude_unset=True)
    return _reply_account(service.edit_account(caller, account_id, version, changes=changes, overdraft_limit=limit))


@endpoint(
    accounts,
    "POST",
    "/<uuid:account_id>/freeze",
    tag="Accounts",
    body=FreezeIn,
    answers={200: AccountOut},
    errors=(403, 409),
    has_etag=True,
)
def freeze(caller: Caller, account_id: UUID) -> Response:
    """Freeze an account; operations and fraud analysts.

    The scope `debit` lets money come in, `all`, the default, stops every move.
    """
    service.get_account_for(caller, account_id)
    caller.require(Permission.FREEZE_ACCOUNTS)
    body = read_body(FreezeIn)
    return _reply_account(service.freeze_account(caller, account_id, scope=body.scope, reason=body.reason))


@endpoint(
    accounts,
    "POST",
    "/<uuid:account_id>/unfreeze",
    tag="Accounts",
    body=ReasonIn,
    answers={200: AccountOut},
    errors=(403, 409),
    has_etag=True,
)
def unfreeze(caller: Caller, account_id: UUID) -> Response:
    """Lift a freeze; operations and fraud analysts."""
    service.get_account_for(caller, account_id)
    caller.require(Permission.FREEZE_ACCOUNTS)
    return _reply_account(service.unfreeze_account(caller, account_id, reason=read_body(ReasonIn).reason))


@endpoint(accounts, "DELETE", "/<uuid:account_id>", tag="Accounts", answers={204: None}, errors=(403, 409))
def close(caller: Caller, account_id: UUID) -> Response:
    """Close an account with nothing on it and no holds; administrators only."""
    service.get_account_for(caller, account_id)
    service.close_account(caller, account_id)
    return reply_empty()


@endpoint(
    accounts,
    "GET",
    "/<uuid:account_id>/entries",
    tag="Accounts",
    query=PageQuery,
    answers={200: EntriesOut},
)
def list_account_entries(caller: Caller, account_id: UUID) -> Response:
    """Read the account's entries, each with the balance after it."""
    account = service.get_account_for(caller, account_id).account
    query = read_query(PageQuery)
    return reply_page(list_entries(account, limit=query.limit, cursor=query.cursor), render_entry)


@endpoint(
    accounts,
    "GET",
    "/<uuid:account_id>/statement",
    tag="Accounts",
    query=StatementQuery,
    answers={200: (StatementOut, CSV_TYPE)},
    errors=(422,),
)
def show_statement(caller: Caller, account_id: UUID) -> Response:
    """Read the account's statement over a period, as JSON or CSV.

    The entries of the period, oldest first, between the balance before it and the balance at its end; opening balance
    and entries always add up to the closing balance. Dates are whole days in the owner's time zone, both inside; a
    time as `end_date` is outside. Without dates it is the current calendar month, without `end_date` until the end of
    today, without `start_date` from the first day of the month it ends in. A statement has at most 10,000 entries:
    above that the answer is 422 `STATEMENT_TOO_LONG`, and a shorter period is to be asked for.

    `format=csv` answers a file: a header, a line of the type `opening_balance`, a line for each entry, and a line of
    the type `closing_balance`. These two have no amount, so that the column adds up to what changed. Text that a
    spreadsheet would take for a formula begins with an apostrophe.
    """
    account = service.get_account_for(caller, account_id).account
    query = read_query(StatementQuery)
    statement = read_statement(
        caller,
        account,
        start=parse_moment(query.start_date) if query.start_date else None,
        end=parse_moment(query.end_date) if query.end_date else None,
    )
    if query.format == "csv":
        return reply_csv(write_statement_csv(statement), name_statement_file(statement))
    return reply(render_statement(statement))


@endpoint(
    accounts,
    "GET",
    "/<uuid:account_id>/transactions",
    tag="Accounts",
    query=AccountTransactionsQuery,
    answers={200: TransactionsOut},
)
def list_account_transactions(caller: Caller, account_id: UUID) -> Response:
    """List the transactions that touch this account."""
    service.get_account_for(caller, account_id)
    return list_page(caller, read_query(AccountTransactionsQuery), account_id=account_id)
