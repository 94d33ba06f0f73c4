"""The tables of people. Constraints live in ``migrations/versions/0001_people.py``."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Text
from sqlalchemy.orm import Mapped, mapped_column

from wallet_app.extensions import Base

Time = DateTime(timezone=True)


class User(Base):
    """A person who can sign in: a customer, or staff in one role."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(Text, unique=True)
    full_name: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="active")
    kyc_status: Mapped[str] = mapped_column(Text, server_default="none")
    phone: Mapped[str | None] = mapped_column(Text)
    company: Mapped[str | None] = mapped_column(Text)
    tax_id: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    has_demo_password: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(Time)
    updated_at: Mapped[datetime] = mapped_column(Time)


class SignInSession(Base):
    """One sign-in on one device: the family of refresh tokens that descend from it, or a back-office visit."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(Text)
    refresh_jti: Mapped[UUID | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(Time)
    expires_at: Mapped[datetime] = mapped_column(Time)
    revoked_at: Mapped[datetime | None] = mapped_column(Time)
    revoked_reason: Mapped[str | None] = mapped_column(Text)


class SignInFailure(Base):
    """One wrong password; ten within the window close the door for that email."""

    __tablename__ = "sign_in_failures"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    failed_at: Mapped[datetime] = mapped_column(Time)


class AccountAccess(Base):
    """What a user may do on an account that belongs to somebody else: look (viewer) or move money (operator)."""

    __tablename__ = "account_access"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    access: Mapped[str] = mapped_column(Text)
    granted_at: Mapped[datetime] = mapped_column(Time)
