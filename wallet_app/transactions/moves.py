"""What the moves share: how a move asks, what it decides from, and what it may answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol
from uuid import UUID

from wallet_app.errors import Problem
from wallet_app.identity.caller import Caller
from wallet_app.ledger.locking import LockedAccount
from wallet_app.ledger.posting import Leg
from wallet_app.ledger.references import AccountRef

TransactionType = Literal["transfer", "top_up", "withdrawal", "reversal"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator of this installation allows. ``sandbox``: customers may top up their own accounts."""

    sandbox: bool = False


@dataclass(frozen=True, slots=True)
class Original:
    """A transaction that a reversal (or refund) takes back, as read after its lock, with its entries."""

    id: UUID
    type: str
    status: str
    amount: Decimal
    currency: str
    refunded_amount: Decimal
    source_account_id: UUID | None
    destination_account_id: UUID | None
    entries: tuple[tuple[UUID, Decimal], ...] = ()


@dataclass(slots=True)
class Facts:
    """All that a decision may look at, read once under the locks. ``now`` is the one time of this unit of work.

    Decisions before this one have already left their mark on ``accounts`` and ``originals``.
    """

    policy: Policy
    now: datetime
    accounts: dict[AccountRef, LockedAccount]
    originals: dict[UUID, Original] = field(default_factory=dict)
    # Of the email addresses that lead to no account, those that somebody is registered with.
    known_emails: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """An original that moves on because of this decision."""

    original: Original
    new_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Allowed: the money moves now. The system's side of the transaction is None."""

    type: TransactionType
    amount: Decimal
    currency: str
    legs: tuple[Leg, ...]
    source: LockedAccount | None = None
    destination: LockedAccount | None = None
    description: str | None = None
    reason: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    payout_reference: str | None = None
    original: Original | None = None
    change: StatusChange | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Not allowed, and why. No money moves and no transaction is left."""

    problem: Problem


class NewMoney:
    """A move that takes no earlier transaction back."""

    __slots__ = ()

    def list_originals(self) -> tuple[UUID, ...]:
        return ()


class AgainstCash(NewMoney):
    """A move between a customer and the outside: the system's cash account is its other side."""

    __slots__ = ()
    currency: str

    @property
    def cash(self) -> AccountRef:
        return AccountRef("cash", currency=self.currency)


@dataclass(frozen=True, slots=True)
class Faulty(NewMoney):
    """An item of a list that asks for no move we could make. It keeps its place, and is refused for its fault."""

    problem: Problem

    def list_accounts(self) -> Mapping[AccountRef, bool]:
        return {}

    def decide(self, caller: Caller, facts: Facts) -> Completed:  # noqa: ARG002 - as every move
        raise self.problem


class Move(Protocol):
    """One money move as asked for. Implementations are frozen dataclasses; ``decide`` is pure."""

    def list_accounts(self) -> Mapping[AccountRef, bool]:
        """The accounts it touches, each with whether it would be debited."""
        ...

    def list_originals(self) -> tuple[UUID, ...]:
        """The transactions it takes back, to be locked after the accounts."""
        ...

    def decide(self, caller: Caller, facts: Facts) -> Completed:
        """Decide for ``caller`` from locked facts.

        Raises:
            Problem: the move is refused; the pipeline turns it into ``Refused``.
        """
        ...
