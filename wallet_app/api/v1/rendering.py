"""Objects as the API shows them: ids and amounts as text, times in UTC with six fraction digits."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from wallet_app.clock import format_timestamp
from wallet_app.identity.models import User
from wallet_app.ledger.models import Account, Entry
from wallet_app.money import format_amount, get_currency
from wallet_app.transactions.models import NewTransaction, Transaction
from wallet_app.transactions.queries import StatementEntry
from wallet_app.transactions.statements import Statement
from wallet_app.transactions.timeline import TimelineEvent


def render_user(user: User) -> dict[str, object]:
    return {
        "id": str(user.id),
        "email": user.email,
        "full_name": user.full_name,
        "role": user.role,
        "status": user.status,
        "kyc_status": user.kyc_status,
        "phone": user.phone,
        "company": user.company,
        "tax_id": user.tax_id,
        "timezone": user.timezone,
        "currency": user.currency,
        "created_at": format_timestamp(user.created_at),
        "updated_at": format_timestamp(user.updated_at),
    }


def render_account(account: Account, balance: Decimal | None = None, held: Decimal | None = None) -> dict[str, object]:
    """An account; with ``balance`` and ``held`` as they stood at another moment."""
    currency = get_currency(account.currency)
    balance = account.balance if balance is None else balance
    held = account.held if held is None else held
    return {
        "id": str(account.id),
        "number": account.number,
        "user_id": render_id(account.user_id),
        "currency": account.currency,
        "label": account.label,
        "status": account.status,
        "freeze_scope": account.freeze_scope,
        "is_primary": account.is_primary,
        "balance": format_amount(balance, currency),
        "held": format_amount(held, currency),
        "available": format_amount(balance - held + account.overdraft_limit, currency),
        "overdraft_limit": format_amount(account.overdraft_limit, currency),
        "version": account.version,
        "created_at": format_timestamp(account.created_at),
    }


def render_entry(entry: StatementEntry) -> dict[str, object]:
    currency = get_currency(entry.currency)
    return {
        "id": str(entry.id),
        "amount": format_amount(entry.amount, currency),
        "balance_after": None if entry.balance_after is None else format_amount(entry.balance_after, currency),
        "transaction_id": str(entry.transaction_id),
        "type": entry.type,
        "description": entry.description,
        "created_at": format_timestamp(entry.created_at),
    }


def render_statement(statement: Statement) -> dict[str, object]:
    currency = get_currency(statement.account.currency)
    return {
        "account_id": str(statement.account.id),
        "currency": statement.account.currency,
        "start": format_timestamp(statement.period.start),
        "end": format_timestamp(statement.period.end),
        "opening_balance": format_amount(statement.opening_balance, currency),
        "closing_balance": format_amount(statement.closing_balance, currency),
        "entries": [render_entry(entry) for entry in statement.entries],
    }


def render_transaction(transaction: Transaction | NewTransaction, *, for_staff: bool = False) -> dict[str, object]:
    """A transaction; staff see its fraud score and flags too."""
    shown = _render_facts(transaction)
    return {**shown, "fraud_score": None, "fraud_flags": []} if for_staff else shown


def _render_facts(transaction: Transaction | NewTransaction) -> dict[str, object]:
    currency = get_currency(transaction.currency)
    converted = get_currency(transaction.converted_currency) if transaction.converted_currency else None
    return {
        "id": str(transaction.id),
        "type": transaction.type,
        "status": transaction.status,
        "amount": format_amount(transaction.amount, currency),
        "currency": transaction.currency,
        "source_account_id": render_id(transaction.source_account_id),
        "destination_account_id": render_id(transaction.destination_account_id),
        "description": transaction.description,
        "reason": transaction.reason,
        "merchant_name": transaction.merchant_name,
        "merchant_category": transaction.merchant_category,
        "original_transaction_id": render_id(transaction.original_transaction_id),
        "refunded_amount": format_amount(transaction.refunded_amount, currency),
        "exchange_rate": None if transaction.exchange_rate is None else f"{transaction.exchange_rate:f}",
        "converted_amount": (
            None
            if converted is None or transaction.converted_amount is None
            else format_amount(transaction.converted_amount, converted)
        ),
        "converted_currency": transaction.converted_currency,
        "metadata": transaction.extra,
        "initiated_by": str(transaction.initiated_by),
        "created_at": format_timestamp(transaction.created_at),
        "updated_at": format_timestamp(transaction.updated_at),
        "completed_at": render_time(transaction.completed_at),
    }


def render_posting(entry: Entry) -> dict[str, object]:
    """An entry as a leg of its transaction."""
    currency = get_currency(entry.currency)
    return {
        "id": str(entry.id),
        "account_id": str(entry.account_id),
        "amount": format_amount(entry.amount, currency),
        "currency": entry.currency,
        "balance_after": None if entry.balance_after is None else format_amount(entry.balance_after, currency),
        "created_at": format_timestamp(entry.created_at),
    }


def render_event(event: TimelineEvent) -> dict[str, object]:
    return {
        "event": event.event,
        "at": format_timestamp(event.at),
        "by": render_id(event.by),
        "reason": event.reason,
        "transaction_id": render_id(event.transaction_id),
    }


def render_id(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def render_time(value: datetime | None) -> str | None:
    return None if value is None else format_timestamp(value)
