"""A ledger as plain as can be: numbers in memory, and the rules of money moves written out once more."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

DIGITS = {"JPY": 0, "USD": 2, "KWD": 3}
ZERO = Decimal(0)


@dataclass
class ModelAccount:
    """What an account should be. Amounts in its currency."""

    id: UUID
    owner: int
    currency: str
    balance: Decimal = ZERO
    held: Decimal = ZERO
    overdraft: Decimal = ZERO
    scope: str | None = None
    is_closed: bool = False
    past: dict[datetime, tuple[Decimal, Decimal]] = field(default_factory=dict)

    @property
    def available(self) -> Decimal:
        return self.balance - self.held + self.overdraft

    @property
    def status(self) -> str:
        return "closed" if self.is_closed else "frozen" if self.scope else "active"


@dataclass
class ModelMove:
    """A move as it should go: who pays, who gets (None is the system), and how much."""

    kind: str
    payer: ModelAccount | None
    payee: ModelAccount | None
    amount: Decimal
    currency: str
    original: "ModelMove | None" = None
    transaction_id: UUID | None = None
    is_reversed: bool = False

    def list_refusals(self) -> set[str]:
        """Every reason there is to refuse it; one of them must be given."""
        if self.original is not None and self.original.is_reversed:
            return {"ALREADY_REVERSED"}
        if self.original is not None and self.original.kind == "reversal":
            return {"NOT_REVERSIBLE"}
        if self.payer is self.payee:
            return {"SAME_ACCOUNT"}
        reasons: set[str] = set()
        if self.payer is not None:
            stops_payer = {"all"} if self.original else {"all", "debit"}
            reasons |= self._list_reasons_of(self.payer, stops_payer)
            if self.payer.available < self.amount:
                reasons.add("INSUFFICIENT_FUNDS")
        if self.payee is not None:
            reasons |= self._list_reasons_of(self.payee, {"all"})
        return reasons

    def _list_reasons_of(self, account: ModelAccount, stopping_scopes: set[str]) -> set[str]:
        reasons = {"CURRENCY_MISMATCH"} if account.currency != self.currency else set()
        if account.is_closed:
            reasons.add("ACCOUNT_CLOSED")
        if account.scope in stopping_scopes:
            reasons.add("ACCOUNT_FROZEN")
        return reasons

    def apply(self, sign: int = 1) -> None:
        for account, amount in ((self.payer, -self.amount), (self.payee, self.amount)):
            if account is not None:
                account.balance += sign * amount
        if self.original is not None:
            self.original.is_reversed = sign > 0


@dataclass
class ModelHold:
    id: UUID
    account: ModelAccount
    remaining: Decimal
    expires_at: datetime


def make_reversal(original: ModelMove) -> ModelMove:
    return ModelMove("reversal", original.payee, original.payer, original.amount, original.currency, original)
