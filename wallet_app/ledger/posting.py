"""Posting: turning decided legs into entries and balances, in memory, for one set-based write."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from uuid_utils.compat import uuid7

from wallet_app.clock import format_timestamp
from wallet_app.ledger.locking import LockedAccount


@dataclass(frozen=True, slots=True)
class Leg:
    """One signed amount on one account, in the account's currency."""

    account: LockedAccount
    amount: Decimal


@dataclass(slots=True)
class Posting:
    """What a list of transactions does to the ledger. Rows are plain JSON values, ready to be written."""

    entries: list[dict[str, object]] = field(default_factory=list)
    system_deltas: list[dict[str, str]] = field(default_factory=list)
    _moved: dict[UUID, LockedAccount] = field(default_factory=dict)

    def post(self, transaction_id: UUID, legs: Sequence[Leg], at: datetime) -> None:
        """Add a transaction's entries and apply them to the locked accounts.

        Raises:
            ValueError: the legs do not sum to zero in each currency. It is a fault in a move, never of its input.
        """
        _check_zero_sum(legs)
        moment = format_timestamp(at)
        for leg in legs:
            account = leg.account
            entry: dict[str, object] = {
                "id": str(uuid7()),
                "transaction_id": str(transaction_id),
                "account_id": str(account.id),
                "currency": account.currency,
                "amount": str(leg.amount),
                "created_at": moment,
            }
            if account.is_customer:
                account.balance += leg.amount
                account.entry_count += 1
                account.last_moved_at = at
                entry["entry_number"] = account.entry_count
                entry["balance_after"] = str(account.balance)
                self._moved[account.id] = account
            else:
                self.system_deltas.append({"account_id": str(account.id), "amount": str(leg.amount)})
            self.entries.append(entry)

    def list_balances(self) -> list[dict[str, object]]:
        """The rows of the moved customer accounts, as they stand after all that was posted."""
        return [
            {
                "id": str(account.id),
                "balance": str(account.balance),
                "entry_count": account.entry_count,
                "last_moved_at": format_timestamp(account.last_moved_at) if account.last_moved_at else None,
            }
            for account in self._moved.values()
        ]


def _check_zero_sum(legs: Sequence[Leg]) -> None:
    sums: dict[str, Decimal] = {}
    for leg in legs:
        sums[leg.account.currency] = sums.get(leg.account.currency, Decimal(0)) + leg.amount
    if not legs or any(sums.values()):
        raise ValueError(f"legs do not sum to zero: {sums}")
