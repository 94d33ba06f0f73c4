"""What moved since a moment, by currency."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wallet_app.transactions.models import Transaction


@dataclass(frozen=True, slots=True)
class CurrencyActivity:
    """Transactions of one currency; `volume`, in whole units, leaves out reversals and what they undid."""

    currency: str
    transactions: int
    completed: int
    pending: int
    volume: Decimal


def read_activity_since(session: Session, moment: datetime) -> list[CurrencyActivity]:
    """Count and add up what was created at or after `moment`, by currency code, in one statement."""
    completed = Transaction.status == "completed"
    counted = completed & (Transaction.type != "reversal")
    rows = session.execute(
        select(
            Transaction.currency,
            func.count(),
            func.count().filter(completed),
            func.count().filter(Transaction.status == "pending"),
            func.coalesce(func.sum(Transaction.amount).filter(counted), Decimal(0)),
        )
        .where(Transaction.created_at >= moment)
        .group_by(Transaction.currency)
        .order_by(Transaction.currency)
    )
    return [CurrencyActivity(*row) for row in rows]
