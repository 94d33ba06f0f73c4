"""Transfer: account to account, same currency."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from wallet_app.errors import SameAccount
from wallet_app.identity.caller import Caller
from wallet_app.identity.permissions import Permission
from wallet_app.ledger.funds import check_funds
from wallet_app.ledger.posting import Leg
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions import checks
from wallet_app.transactions.moves import Completed, Facts, NewMoney


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(NewMoney):
    """Move ``amount`` of ``currency`` from ``source`` to ``destination``."""

    source: AccountRef
    destination: AccountRef
    amount: Decimal
    currency: str
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def list_accounts(self) -> Mapping[AccountRef, bool]:
        return {self.destination: False, self.source: True}

    def decide(self, caller: Caller, facts: Facts) -> Completed:
        """Raises:
        Problem: the refusals of ``checks``, and SameAccount.
        """
        checks.check_caller(caller)
        source = checks.get_own_account(caller, facts, self.source, Permission.MOVE_MONEY)
        destination = checks.get_recipient(facts, self.destination)
        if source is destination:
            raise SameAccount
        checks.check_currency(source, self.currency)
        checks.check_currency(destination, self.currency)
        checks.check_may_pay(source, caller)
        checks.check_may_receive(destination)
        check_funds(source, self.amount)
        return Completed(
            type="transfer",
            amount=self.amount,
            currency=self.currency,
            source=source,
            destination=destination,
            legs=(Leg(source, -self.amount), Leg(destination, self.amount)),
            description=self.description,
            metadata=self.metadata,
        )
