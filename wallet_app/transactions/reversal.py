"""Reversal: the opposite entries of a whole transaction, once; the original becomes reversed."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from wallet_app.errors import (
    AlreadyRefunded,
    AlreadyReversed,
    Forbidden,
    NotFound,
    NotReversible,
    TransactionNotCompleted,
)
from wallet_app.identity.caller import Caller
from wallet_app.identity.permissions import Permission
from wallet_app.ledger.funds import check_funds
from wallet_app.ledger.locking import LockedAccount
from wallet_app.ledger.posting import Leg
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions import checks
from wallet_app.transactions.moves import Completed, Facts, Original, StatusChange

REVERSIBLE = frozenset({"transfer", "top_up", "withdrawal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """Take back the transaction ``original_id``.

    ``accounts`` maps the original's accounts to whether the reversal debits them; they never change, so they are
    read without a lock by ``originals.read_reversal_accounts``.
    """

    original_id: UUID
    accounts: Mapping[AccountRef, bool]
    reason: str | None = None

    def list_accounts(self) -> Mapping[AccountRef, bool]:
        return self.accounts

    def list_originals(self) -> tuple[UUID, ...]:
        return (self.original_id,)

    def decide(self, caller: Caller, facts: Facts) -> Completed:
        """The recipient gives a transfer back; operations take back any reversible type.

        Raises:
            AlreadyReversed, AlreadyRefunded, TransactionNotCompleted, NotReversible, and those of ``checks``.
        """
        original = facts.originals.get(self.original_id)
        if original is None:
            raise NotFound
        checks.check_caller(caller)
        by_id = {account.id: account for account in facts.accounts.values()}
        check_may_reverse(caller, original, by_id)
        check_reversible(original)
        legs = tuple(Leg(by_id[account_id], -amount) for account_id, amount in original.entries)
        for leg in legs:
            if not leg.account.is_customer:
                continue
            if leg.amount < 0:
                by_operations = caller.may(Permission.REVERSE)
                checks.check_may_pay(leg.account, caller, passes_debit_freeze=by_operations)
                check_funds(leg.account, -leg.amount)
            else:
                checks.check_may_receive(leg.account)
        return Completed(
            type="reversal",
            amount=original.amount,
            currency=original.currency,
            source=by_id.get(original.destination_account_id) if original.destination_account_id else None,
            destination=by_id.get(original.source_account_id) if original.source_account_id else None,
            legs=legs,
            reason=self.reason,
            original=original,
            change=StatusChange(original=original, new_status="reversed"),
        )


def check_may_reverse(caller: Caller, original: Original, by_id: Mapping[UUID, LockedAccount]) -> None:
    """Raises:
    Forbidden: neither operations nor the recipient of a transfer.
    """
    if caller.may(Permission.REVERSE):
        return
    recipient = by_id.get(original.destination_account_id) if original.destination_account_id else None
    if original.type == "transfer" and recipient is not None:
        if recipient.user_id == caller.user_id or recipient.access.get(caller.user_id) == "operator":
            return
    raise Forbidden("Only the recipient of a transfer, or operations, can take it back.")


def check_reversible(original: Original) -> None:
    """Raises:
    AlreadyReversed, AlreadyRefunded, TransactionNotCompleted, NotReversible
    """
    if original.status == "reversed":
        raise AlreadyReversed
    if original.type not in REVERSIBLE:
        raise NotReversible(f"A {original.type} can't be reversed.", {"type": original.type})
    if original.status != "completed":
        raise TransactionNotCompleted(details={"status": original.status})
    if original.refunded_amount:
        raise AlreadyRefunded
