"""Prices that people really pay: in steps of the currency's coins, and cash in its notes."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random


@dataclass(frozen=True, slots=True)
class Scale:
    """A currency's everyday sizes: what a simple dinner costs, the smallest step of a price, and a cash note."""

    dinner: Decimal
    step: Decimal
    note: Decimal


SCALES = {
    code: Scale(Decimal(dinner), Decimal(step), Decimal(note))
    for code, dinner, step, note in (
        ("USD", "14", "0.05", "20"),
        ("EUR", "13", "0.10", "10"),
        ("GBP", "12", "0.05", "10"),
        ("MYR", "22", "0.05", "50"),
        ("SGD", "15", "0.10", "10"),
        ("JPY", "1600", "10", "1000"),
        ("KWD", "3.5", "0.025", "5"),
        ("UZS", "75000", "500", "50000"),
        ("ARS", "14000", "50", "10000"),
    )
}


def choose_price(random: Random, currency: str, low: float, high: float) -> Decimal:
    """A price between so many simple dinners."""
    scale = SCALES[currency]
    return round_to_step(scale.dinner * Decimal(random.uniform(low, high)), scale.step)


def choose_cash(random: Random, currency: str, low: int, high: int) -> Decimal:
    """An amount of cash, between so many notes."""
    return SCALES[currency].note * random.randint(low, high)


def choose_near(random: Random, currency: str, amount: Decimal, spread: float) -> Decimal:
    """An amount that varies around another, by at most the fraction ``spread``."""
    return round_to_step(amount * Decimal(random.uniform(1 - spread, 1 + spread)), SCALES[currency].step)


def round_to_step(amount: Decimal, step: Decimal) -> Decimal:
    """The nearest multiple of ``step`` that is more than zero."""
    return max(step * (amount / step).to_integral_value(), step)
