"""Lists of transactions, as /transactions and an account's own list share them."""

from decimal import Decimal
from functools import partial
from uuid import UUID

from flask import Response

from wallet_app.api.answers import reply_page
from wallet_app.api.fields import parse_moment
from wallet_app.api.v1.rendering import render_transaction
from wallet_app.api.v1.transactions_schema import AccountTransactionsQuery
from wallet_app.identity.caller import Caller
from wallet_app.money import Currency, get_currency, parse_amount_or_zero
from wallet_app.transactions.queries import TransactionFilter, list_transactions

# The finest amounts there are, for a filter that names no currency.
ANY_CURRENCY = Currency("any currency", 4, "any currency")


def list_page(
    caller: Caller, query: AccountTransactionsQuery, *, account_id: UUID | None = None, user_id: UUID | None = None
) -> Response:
    """One page of the transactions that ``query`` asks for."""
    criteria = TransactionFilter(
        user_id=user_id,
        account_id=account_id,
        type=query.type,
        status=query.status,
        merchant_category=query.merchant_category,
        start=parse_moment(query.start_date) if query.start_date else None,
        end=parse_moment(query.end_date) if query.end_date else None,
        min_amount=_parse_bound(query.min_amount, query.currency, "min_amount"),
        max_amount=_parse_bound(query.max_amount, query.currency, "max_amount"),
        currency=query.currency,
        q=query.q,
    )
    page = list_transactions(
        caller,
        criteria,
        sort_by=query.sort_by,
        descending=query.sort_order == "desc",
        limit=query.limit,
        cursor=query.cursor,
    )
    return reply_page(page, partial(render_transaction, for_staff=caller.is_staff))


def _parse_bound(text: object, currency: str | None, field: str) -> Decimal | None:
    if text is None:
        return None
    return parse_amount_or_zero(text, get_currency(currency) if currency else ANY_CURRENCY, field=field)
