"""Top-up: money from outside onto an account, against the system's cash account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from wallet_app.errors import Forbidden
from wallet_app.identity.caller import Caller
from wallet_app.identity.permissions import Permission
from wallet_app.ledger.posting import Leg
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions import checks
from wallet_app.transactions.moves import AgainstCash, Completed, Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUp(AgainstCash):
    """Credit ``amount`` of ``currency`` to ``account``."""

    account: AccountRef
    amount: Decimal
    currency: str
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def list_accounts(self) -> Mapping[AccountRef, bool]:
        return {self.account: False, self.cash: False}

    def decide(self, caller: Caller, facts: Facts) -> Completed:
        """Operations top up; customers do where the policy says sandbox.

        Raises:
            Problem: the refusals of ``checks``.
        """
        checks.check_caller(caller)
        account = checks.get_own_account(caller, facts, self.account, Permission.TOP_UP)
        if not (caller.may(Permission.TOP_UP) or facts.policy.sandbox):
            raise Forbidden("Top-ups are made by operations.")
        checks.check_currency(account, self.currency)
        checks.check_may_receive(account)
        return Completed(
            type="top_up",
            amount=self.amount,
            currency=self.currency,
            destination=account,
            legs=(Leg(facts.accounts[self.cash], -self.amount), Leg(account, self.amount)),
            description=self.description,
            metadata=self.metadata,
        )
