"""What all accounts together hold, by currency."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wallet_app.ledger.models import Account, SystemDelta


@dataclass(frozen=True, slots=True)
class CurrencyTotal:
    """The money of one currency, in whole units: customers' side, their holds, and the system's side."""

    currency: str
    open_accounts: int
    customers: Decimal
    held: Decimal
    system: Decimal

    @property
    def difference(self) -> Decimal:
        """What the two sides differ by: zero, unless the ledger is broken."""
        return self.customers + self.system


def read_currency_totals(session: Session) -> list[CurrencyTotal]:
    """Add up all balances by currency, in order of its code.

    One statement, so that every balance is of the same moment. It reads each account once and no entries.
    """
    deltas = (
        select(SystemDelta.account_id, func.sum(SystemDelta.amount).label("amount"))
        .group_by(SystemDelta.account_id)
        .subquery()
    )
    of_customers = Account.kind == "customer"
    zero = Decimal(0)
    rows = session.execute(
        select(
            Account.currency,
            func.count().filter(of_customers, Account.status != "closed"),
            func.coalesce(func.sum(Account.balance).filter(of_customers), zero),
            func.coalesce(func.sum(Account.held).filter(of_customers), zero),
            func.coalesce(func.sum(Account.balance + func.coalesce(deltas.c.amount, zero)).filter(~of_customers), zero),
        )
        .outerjoin(deltas, deltas.c.account_id == Account.id)
        .group_by(Account.currency)
        .order_by(Account.currency)
    )
    return [CurrencyTotal(*row) for row in rows]
