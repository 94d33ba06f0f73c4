"""The refusals that several moves share. Pure: each reads facts and raises, or returns what was asked for."""

from wallet_app.errors import (
    AccountClosed,
    AccountFrozen,
    CurrencyMismatch,
    Forbidden,
    NoAccountInCurrency,
    NotFound,
    UserSuspended,
)
from wallet_app.identity.caller import Caller
from wallet_app.identity.permissions import Permission
from wallet_app.ledger.locking import LockedAccount
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions.moves import Facts


def get_own_account(caller: Caller, facts: Facts, ref: AccountRef, staff_permission: Permission) -> LockedAccount:
    """The account the caller moves money on: their own, one they operate, or any with ``staff_permission``.

    Raises:
        NotFound: not there or not theirs to see, alike.
        NoAccountInCurrency: the caller has no primary account to stand for an omitted one.
        Forbidden: theirs to see but not to move.
    """
    account = facts.accounts.get(ref)
    if account is None and ref.kind == "owner":
        raise NoAccountInCurrency(f"You have no account in {ref.currency}. Open one, or name another account.")
    if account is None or not account.is_customer:
        raise NotFound("There is no such account of yours. Check the account id.")
    access = account.access.get(caller.user_id)
    if account.user_id == caller.user_id or access == "operator" or caller.may(staff_permission):
        return account
    if access == "viewer" or caller.may(Permission.SEE_ACCOUNTS):
        raise Forbidden("You may see this account, but not move its money.")
    raise NotFound("There is no such account of yours. Check the account id.")


def get_recipient(facts: Facts, ref: AccountRef) -> LockedAccount:
    """The account that money goes to.

    Raises:
        NotFound: nobody and nothing by that name.
        NoAccountInCurrency: the person exists, without an account in this currency.
    """
    account = facts.accounts.get(ref)
    if account is None and ref.kind == "email" and ref.value in facts.known_emails:
        raise NoAccountInCurrency(f"The recipient has no account in {ref.currency}. Send in another currency.")
    if account is None or not account.is_customer:
        raise NotFound("There is no such recipient. Check the account id, account number or email.")
    return account


def check_caller(caller: Caller) -> None:
    """Raises:
    Forbidden: the caller is an auditor, who writes nothing.
    UserSuspended: the caller starts no money move.
    """
    caller.require_writing()
    if caller.status != "active":
        raise UserSuspended


def check_currency(account: LockedAccount, currency: str) -> None:
    """Raises:
    CurrencyMismatch: the account is kept in another currency.
    """
    if account.currency != currency:
        raise CurrencyMismatch(
            "The account is kept in another currency. Send in its currency, or exchange first.",
            {"currency": currency},
        )


def check_may_pay(account: LockedAccount, caller: Caller, *, passes_debit_freeze: bool = False) -> None:
    """Raises:
    AccountClosed, AccountFrozen: money may not go out.
    UserSuspended: the owner is suspended and it is not staff who act.
    """
    _check_open(account)
    if account.freeze_scope == "all" or (account.freeze_scope == "debit" and not passes_debit_freeze):
        raise AccountFrozen("Money can't go out of this account while it is frozen.", {"scope": account.freeze_scope})
    if account.owner_status == "suspended" and not caller.is_staff:
        raise UserSuspended


def check_may_receive(account: LockedAccount) -> None:
    """Raises:
    AccountClosed, AccountFrozen: money may not come in.
    """
    _check_open(account)
    if account.freeze_scope == "all":
        raise AccountFrozen("Money can't come into this account while it is frozen.", {"scope": "all"})


def _check_open(account: LockedAccount) -> None:
    if account.status == "closed":
        raise AccountClosed("The account is closed. Choose another one.")
