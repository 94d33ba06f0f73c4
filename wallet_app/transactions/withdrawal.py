"""Withdrawal: money from an account to the outside, against the system's cash account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from wallet_app.identity.caller import Caller
from wallet_app.identity.permissions import Permission
from wallet_app.ledger.funds import check_funds
from wallet_app.ledger.posting import Leg
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions import checks
from wallet_app.transactions.moves import AgainstCash, Completed, Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal(AgainstCash):
    """Pay ``amount`` of ``currency`` out of ``account``."""

    account: AccountRef
    amount: Decimal
    currency: str
    payout_reference: str | None = None
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def list_accounts(self) -> Mapping[AccountRef, bool]:
        return {self.account: True, self.cash: False}

    def decide(self, caller: Caller, facts: Facts) -> Completed:
        """Raises:
        Problem: the refusals of ``checks``.
        """
        checks.check_caller(caller)
        account = checks.get_own_account(caller, facts, self.account, Permission.MOVE_MONEY)
        checks.check_currency(account, self.currency)
        checks.check_may_pay(account, caller)
        check_funds(account, self.amount)
        return Completed(
            type="withdrawal",
            amount=self.amount,
            currency=self.currency,
            source=account,
            legs=(Leg(account, -self.amount), Leg(facts.accounts[self.cash], self.amount)),
            description=self.description,
            metadata=self.metadata,
            payout_reference=self.payout_reference,
        )
