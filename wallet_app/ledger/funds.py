"""Whether an account can afford it."""

from decimal import Decimal

from wallet_app.errors import InsufficientFunds
from wallet_app.ledger.locking import LockedAccount
from wallet_app.money import format_amount, get_currency


def check_funds(account: LockedAccount, amount: Decimal) -> None:
    """Raises:
    InsufficientFunds: ``amount`` is above available; ``details`` has both, in the account's currency.
    """
    if account.available < amount:
        currency = get_currency(account.currency)
        available = max(account.available, Decimal(0))
        raise InsufficientFunds(
            f"Available is {format_amount(available, currency)} {currency.code}. Send less, or top up first.",
            {
                "available": format_amount(available, currency),
                "required": format_amount(amount, currency),
                "currency": currency.code,
            },
        )
