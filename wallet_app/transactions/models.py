"""The transactions table. Constraints and triggers live in ``migrations/versions/0003_transactions.py``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Numeric, SmallInteger, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wallet_app.extensions import Base
from wallet_app.ledger.models import Amount

Time = DateTime(timezone=True)


class Transaction(Base):
    """One money move a person would recognise in a statement.

    ``amount`` is positive, in ``currency``. The system's side is NULL. ``completed_at`` is its entries' time.
    """

    __tablename__ = "transactions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    amount: Mapped[Decimal] = mapped_column(Amount)
    currency: Mapped[str] = mapped_column(Text)
    source_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    destination_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    description: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    merchant_name: Mapped[str | None] = mapped_column(Text)
    merchant_category: Mapped[str | None] = mapped_column(Text)
    original_transaction_id: Mapped[UUID | None] = mapped_column(ForeignKey("transactions.id"))
    refunded_amount: Mapped[Decimal] = mapped_column(Amount, server_default="0")
    exchange_rate: Mapped[Decimal | None] = mapped_column(Numeric(24, 12))
    converted_amount: Mapped[Decimal | None] = mapped_column(Amount)
    converted_currency: Mapped[str | None] = mapped_column(Text)
    # "metadata" is taken on a declarative class.
    extra: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB, server_default="{}")
    payout_reference: Mapped[str | None] = mapped_column(Text)
    initiated_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    request_id: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Time)
    updated_at: Mapped[datetime] = mapped_column(Time)
    completed_at: Mapped[datetime | None] = mapped_column(Time)


@dataclass(slots=True, kw_only=True)
class NewTransaction:
    """A transaction that the pipeline has just made, under the names of ``Transaction``.

    Plain, because the ORM's instrumented attributes would cost more than all the decisions about it.
    """

    id: UUID
    type: str
    status: str
    amount: Decimal
    currency: str
    source_account_id: UUID | None
    destination_account_id: UUID | None
    initiated_by: UUID
    request_id: str | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    description: str | None = None
    reason: str | None = None
    merchant_name: str | None = None
    merchant_category: str | None = None
    original_transaction_id: UUID | None = None
    refunded_amount: Decimal = Decimal(0)
    exchange_rate: Decimal | None = None
    converted_amount: Decimal | None = None
    converted_currency: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    payout_reference: str | None = None


class IdempotencyKey(Base):
    """A caller's key, what it was used for, and the answer it gets for ever."""

    __tablename__ = "idempotency_keys"

    caller_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Text)
    response_status: Mapped[int | None] = mapped_column(SmallInteger)
    response_body: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Time)
