"""Amounts of money: exact decimals in, decimal text out, never a float and never a rounding."""

import re
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation

from wallet_app.currencies import CURRENCIES, Currency
from wallet_app.errors import InvalidAmount, UnknownCurrency

__all__ = ["CURRENCIES", "Currency", "format_amount", "get_currency", "parse_amount", "parse_amount_or_zero"]

_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,13})(?:\.([0-9]{1,4}))?")

_QUANTA = tuple(Decimal(1).scaleb(-digits) for digits in range(5))

# Wider than NUMERIC(28,4), so that a sum over many balances still prints.
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])


def get_currency(code: object, *, field: str = "currency") -> Currency:
    """Return the currency with this code; raises UnknownCurrency unless CURRENCIES has exactly this code."""
    currency = CURRENCIES.get(code) if isinstance(code, str) else None
    if currency is None:
        raise UnknownCurrency('The currency must be an active ISO 4217 code in capital letters, such as "USD".', field)
    return currency


def parse_amount(text: object, currency: Currency, *, field: str = "amount") -> Decimal:
    """Return the amount that `text` writes, in whole units of the currency, always above zero.

    Text is a str, which includes the literal of a JSON number. Raises InvalidAmount, naming `field`, for any
    other type, for text outside the grammar, for more fraction digits than the currency has, and for zero.
    """
    amount = parse_amount_or_zero(text, currency, field=field)
    if not amount:
        raise InvalidAmount("The amount must be more than zero.", field)
    return amount


def parse_amount_or_zero(text: object, currency: Currency, *, field: str = "amount") -> Decimal:
    """Return the amount that `text` writes, as parse_amount does, but let zero pass: for limits, say."""
    if not isinstance(text, str):
        raise InvalidAmount('The amount must be a number or decimal text, such as "50.00".', field)
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise InvalidAmount(
            "The amount must be written in plain ASCII digits, at most 14 before the point and 4 after it, "
            "without sign, exponent, spaces or separators.",
            field,
        )
    fraction = match[1]
    if fraction is not None and len(fraction) > currency.digits:
        allowed = f"at most {currency.digits}" if currency.digits else "no"
        raise InvalidAmount(f"An amount in {currency.code} has {allowed} fraction digits.", field)
    return Decimal(text)


def format_amount(value: Decimal, currency: Currency) -> str:
    """Return the value as plain text padded to the currency's digits, such as "50.00".

    Raises ValueError if the value has digits the currency can't show, or is not a finite number.
    """
    try:
        exact = value.quantize(_QUANTA[currency.digits], context=_EXACT)
    except DecimalException:
        raise ValueError(f"{value} is not an exact amount in {currency.code}") from None
    if not exact:
        exact = exact.copy_abs()
    elif exact.is_nan():
        raise ValueError(f"{value} is not an exact amount in {currency.code}")
    return str(exact)
