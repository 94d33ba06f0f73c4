"""Resolving and locking the accounts of money moves, in the one order that can't deadlock."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection

from wallet_app.ledger.references import AccountRef
from wallet_app.uow import fetch_rows


@dataclass(slots=True)
class LockedAccount:
    """An account as read after its lock, and as decisions change it from there. Amounts in ``currency``.

    ``access`` is what callers were granted on someone else's account: ``viewer`` or ``operator``, by user id.
    """

    id: UUID
    number: str
    kind: str
    user_id: UUID | None
    currency: str
    status: str
    freeze_scope: str | None
    balance: Decimal
    held: Decimal
    overdraft_limit: Decimal
    entry_count: int
    last_moved_at: datetime | None
    owner_status: str | None
    access: Mapping[UUID, str]

    @property
    def is_customer(self) -> bool:
        return self.kind == "customer"

    @property
    def available(self) -> Decimal:
        """What may still be spent: balance − held + overdraft limit."""
        return self.balance - self.held + self.overdraft_limit


def lock_accounts(
    connection: Connection, caller_ids: Collection[UUID], refs: Mapping[AccountRef, bool]
) -> dict[AccountRef, LockedAccount]:
    """Resolve ``refs``, lock the owners of the debited accounts and all customer accounts, and read them.

    ``refs`` maps each reference to whether a move wants to debit it. Two references to one account share one
    ``LockedAccount``. What does not exist is absent from the answer. System accounts are never locked.
    """
    ordered = list(refs)
    rows = fetch_rows(
        connection,
        "SELECT * FROM lock_accounts(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::boolean[])",
        (
            [str(caller_id) for caller_id in caller_ids],
            [ref.kind for ref in ordered],
            [ref.value for ref in ordered],
            [ref.currency for ref in ordered],
            list(refs.values()),
        ),
    )
    by_id: dict[UUID, LockedAccount] = {}
    found: dict[AccountRef, LockedAccount] = {}
    for row in rows:
        account = by_id.get(row[1])
        if account is None:
            access = {UUID(user_id): level for user_id, level in (row[-1] or {}).items()}
            account = LockedAccount(*(*row[1:-1], access))
            by_id[account.id] = account
        found[ordered[row[0] - 1]] = account
    return found


def find_last_moment(accounts: Iterable[LockedAccount]) -> datetime | None:
    """The latest time at which any of ``accounts`` moved; a new entry never lies before it."""
    return max((account.last_moved_at for account in accounts if account.last_moved_at), default=None)
