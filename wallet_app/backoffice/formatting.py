"""How amounts, counts and moments are written on the pages. The API's own forms are elsewhere."""

from datetime import date, datetime
from decimal import Decimal

from markupsafe import Markup

from wallet_app.clock import format_timestamp
from wallet_app.money import format_amount, get_currency

_MINUS = "\N{MINUS SIGN}"


def write_amount(value: Decimal, currency_code: str) -> Markup:
    """Write an amount for reading: grouped digits, a real minus sign, then the ISO code.

    Digits that the currency can't have are shown, not refused: a page on a broken ledger must render.
    Raises UnknownCurrency for a code we don't know.
    """
    currency = get_currency(currency_code)
    try:
        text = format_amount(value, currency)
    except ValueError:
        text = f"{value:f}"
    sign = _MINUS if text.startswith("-") else ""
    whole, _, fraction = text.lstrip("-").partition(".")
    digits = f"{int(whole):,}" + (f".{fraction}" if fraction else "")
    return Markup('<span class="amount">{}{} <span class="amount-currency">{}</span></span>').format(
        sign, digits, currency_code
    )


def write_count(value: int) -> str:
    """Write a whole number with grouped digits."""
    return f"{value:,}"


def write_day(day: date) -> str:
    """Write a date for reading: `4 March 2026`."""
    return f"{day.day} {day:%B %Y}"


def write_moment(moment: datetime) -> Markup:
    """Write a moment in UTC to the second, with its exact form in the element's `datetime`."""
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M:%S} UTC</time>').format(format_timestamp(moment), moment)
