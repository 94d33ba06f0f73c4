"""The ledger's tables. Constraints and triggers live in ``migrations/versions/0002_ledger.py``."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, ForeignKeyConstraint, Identity, Numeric, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from wallet_app.extensions import Base

SYSTEM_KINDS = ("cash", "fees", "fx", "merchant_settlement", "suspense")

Amount = Numeric(18, 4)
Balance = Numeric(28, 4)
Time = DateTime(timezone=True)


class Account(Base):
    """A balance in one currency: a customer's, or the system's own."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("id", "currency", name="accounts_id_currency_key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    currency: Mapped[str] = mapped_column(Text)
    label: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="active")
    freeze_scope: Mapped[str | None] = mapped_column(Text)
    is_primary: Mapped[bool] = mapped_column(server_default="false")
    balance: Mapped[Decimal] = mapped_column(Balance, server_default="0")
    held: Mapped[Decimal] = mapped_column(Balance, server_default="0")
    overdraft_limit: Mapped[Decimal] = mapped_column(Amount, server_default="0")
    entry_count: Mapped[int] = mapped_column(BigInteger, server_default="0")
    version: Mapped[int] = mapped_column(server_default="1")
    last_moved_at: Mapped[datetime | None] = mapped_column(Time)
    created_at: Mapped[datetime] = mapped_column(Time)
    closed_at: Mapped[datetime | None] = mapped_column(Time)

    @property
    def available(self) -> Decimal:
        """What may still be spent: balance − held + overdraft limit."""
        return self.balance - self.held + self.overdraft_limit


class Entry(Base):
    """One signed leg on one account; never changed, never deleted."""

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("account_id", "entry_number", name="entries_once_per_number"),
        ForeignKeyConstraint(
            ["account_id", "currency"], ["accounts.id", "accounts.currency"], name="entries_account_id_fkey"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    transaction_id: Mapped[UUID] = mapped_column(ForeignKey("transactions.id"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column()
    currency: Mapped[str] = mapped_column(Text)
    amount: Mapped[Decimal] = mapped_column(Amount)
    entry_number: Mapped[int | None] = mapped_column(BigInteger)
    balance_after: Mapped[Decimal | None] = mapped_column(Balance)
    created_at: Mapped[datetime] = mapped_column(Time)


class Hold(Base):
    """Money set aside: the balance stays, available shrinks."""

    __tablename__ = "holds"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    amount: Mapped[Decimal] = mapped_column(Amount)
    captured_amount: Mapped[Decimal] = mapped_column(Amount, server_default="0")
    currency: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="open")
    description: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(Time)
    updated_at: Mapped[datetime] = mapped_column(Time)
    expires_at: Mapped[datetime] = mapped_column(Time)


class HoldMovement(Base):
    """One change of an account's held money; never changed, never deleted."""

    __tablename__ = "hold_movements"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    hold_id: Mapped[UUID] = mapped_column(ForeignKey("holds.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"))
    delta: Mapped[Decimal] = mapped_column(Amount)
    held_after: Mapped[Decimal] = mapped_column(Balance)
    created_at: Mapped[datetime] = mapped_column(Time)


class SystemDelta(Base):
    """What a posting did to a system account's balance since the last fold."""

    __tablename__ = "system_deltas"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[UUID] = mapped_column()
    amount: Mapped[Decimal] = mapped_column(Amount)
