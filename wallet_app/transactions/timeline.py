"""What happened to a transaction, in order, for staff."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wallet_app.transactions.models import Transaction


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One step: ``created``, ``completed`` or ``reversed``, and by whom; ``transaction_id`` is the reversal's."""

    event: str
    at: datetime
    by: UUID | None
    reason: str | None = None
    transaction_id: UUID | None = None


def read_timeline(session: Session, transaction: Transaction) -> list[TimelineEvent]:
    """The steps of ``transaction`` so far, oldest first."""
    events = [TimelineEvent("created", transaction.created_at, transaction.initiated_by, transaction.reason)]
    if transaction.completed_at is not None:
        events.append(TimelineEvent("completed", transaction.completed_at, transaction.initiated_by))
    reversal = session.scalar(
        select(Transaction).where(Transaction.original_transaction_id == transaction.id, Transaction.type == "reversal")
    )
    if reversal is not None:
        events.append(
            TimelineEvent("reversed", reversal.created_at, reversal.initiated_by, reversal.reason, reversal.id)
        )
    return events
