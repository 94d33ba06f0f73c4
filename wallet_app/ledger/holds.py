"""Holds: money set aside on an account. The balance stays, available shrinks.

``account.held`` is the sum of what its open holds still set aside, and each change of it is a row of
``hold_movements``. Like ``posting``, this module changes locked rows in memory and writes them set-based at the end.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from wallet_app.clock import format_timestamp
from wallet_app.errors import HoldNotOpen, InsufficientFunds
from wallet_app.ledger.funds import check_funds
from wallet_app.ledger.locking import LockedAccount
from wallet_app.money import format_amount, get_currency

ZERO = Decimal(0)


@dataclass(slots=True)
class LockedHold:
    """A hold as read after its lock, and as changes leave it. Amounts in ``currency``."""

    id: UUID
    account_id: UUID
    amount: Decimal
    captured_amount: Decimal
    currency: str
    status: str
    description: str | None
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    expires_at: datetime

    @property
    def remaining(self) -> Decimal:
        """What it still sets aside."""
        return self.amount - self.captured_amount if self.status == "open" else ZERO


def lock_holds(connection: Connection, ids: Collection[UUID]) -> dict[UUID, LockedHold]:
    """Lock holds, sorted by id, and read them in a second statement. Their accounts must be locked already."""
    wanted = [str(hold_id) for hold_id in ids]
    connection.exec_driver_sql("SELECT FROM holds WHERE id = ANY (%s::uuid[]) ORDER BY id FOR NO KEY UPDATE", (wanted,))
    rows = connection.exec_driver_sql(
        "SELECT id, account_id, amount, captured_amount, currency, status, description, created_by,"
        " created_at, updated_at, expires_at FROM holds WHERE id = ANY (%s::uuid[])",
        (wanted,),
    )
    return {row[0]: LockedHold(*row) for row in rows}


@dataclass(slots=True)
class HoldChanges:
    """What a unit of work does to holds.

    ``at`` is always the unit of work's one time, which is not before the account's ``last_moved_at``: so the held money
    of any past moment can be read from the movements. A hold is open until its ``expires_at`` and no longer, whether or
    not the job that expires it has come by.
    """

    _holds: dict[UUID, LockedHold] = field(default_factory=dict)
    _accounts: dict[UUID, LockedAccount] = field(default_factory=dict)
    _movements: list[dict[str, str]] = field(default_factory=list)

    def place_hold(
        self,
        account: LockedAccount,
        amount: Decimal,
        *,
        created_by: UUID,
        at: datetime,
        expires_at: datetime,
        description: str | None = None,
    ) -> LockedHold:
        """Set ``amount`` (above zero, in the account's currency) aside until ``expires_at``.

        Raises:
            InsufficientFunds: it is more than available.
        """
        check_funds(account, amount)
        hold = LockedHold(
            id=uuid7(),
            account_id=account.id,
            amount=amount,
            captured_amount=ZERO,
            currency=account.currency,
            status="open",
            description=description,
            created_by=created_by,
            created_at=at,
            updated_at=at,
            expires_at=expires_at,
        )
        self._move(account, hold, amount, at)
        return hold

    def capture_hold(
        self,
        account: LockedAccount,
        hold: LockedHold,
        amount: Decimal | None = None,
        *,
        at: datetime,
        final: bool = True,
    ) -> Decimal:
        """Free ``amount`` (by default all that is left) to be paid in this unit of work, and return it.

        ``final`` releases the rest; without it, the rest stays set aside. A hold without rest is done either way.

        Raises:
            HoldNotOpen: it was captured, released or has expired.
            InsufficientFunds: ``amount`` is more than what is left of the hold.
        """
        _check_open(hold, at)
        captured = hold.remaining if amount is None else amount
        if captured > hold.remaining:
            raise _make_hold_too_small(hold, captured)
        is_done = final or captured == hold.remaining
        freed = hold.remaining if is_done else captured
        hold.captured_amount += captured
        if is_done:
            hold.status = "captured"
        self._move(account, hold, -freed, at)
        return captured

    def release_hold(self, account: LockedAccount, hold: LockedHold, *, at: datetime) -> None:
        """Give back what is left. Raises HoldNotOpen: it was captured, released or has expired."""
        _check_open(hold, at)
        self._close(account, hold, "released", at)

    def expire_hold(self, account: LockedAccount, hold: LockedHold, *, at: datetime) -> None:
        """Give back what is left of a hold whose time is over.

        Raises:
            HoldNotOpen: it was captured, released or expired before.
            ValueError: its time is not over. It is a fault of the caller, never of any input.
        """
        if hold.status != "open":
            raise HoldNotOpen
        if at < hold.expires_at:
            raise ValueError(f"hold {hold.id} has not expired yet")
        self._close(account, hold, "expired", at)

    def write(self, connection: Connection) -> None:
        """Write holds, their movements and ``account.held``: one statement a table.

        Where balances change too, let them be written in the same statement as ``held``: the floor is checked by row.
        """
        if not self._movements:
            return
        connection.exec_driver_sql(_WRITE_HOLDS, (json.dumps([_make_row(hold) for hold in self._holds.values()]),))
        connection.exec_driver_sql(_WRITE_MOVEMENTS, (json.dumps(self._movements),))
        connection.exec_driver_sql(
            _WRITE_ACCOUNTS,
            (
                [str(account.id) for account in self._accounts.values()],
                [account.held for account in self._accounts.values()],
                [account.last_moved_at for account in self._accounts.values()],
            ),
        )

    def _close(self, account: LockedAccount, hold: LockedHold, status: str, at: datetime) -> None:
        rest = hold.remaining
        hold.status = status
        self._move(account, hold, -rest, at)

    def _move(self, account: LockedAccount, hold: LockedHold, delta: Decimal, at: datetime) -> None:
        if hold.account_id != account.id or (account.last_moved_at is not None and at < account.last_moved_at):
            raise ValueError(f"hold {hold.id} may not move on account {account.id} at {at}")
        account.held += delta
        account.last_moved_at = at
        hold.updated_at = at
        self._accounts[account.id] = account
        self._holds[hold.id] = hold
        self._movements.append(
            {
                "hold_id": str(hold.id),
                "account_id": str(account.id),
                "delta": str(delta),
                "held_after": str(account.held),
                "created_at": format_timestamp(at),
            }
        )


def _check_open(hold: LockedHold, at: datetime) -> None:
    if hold.status != "open" or at >= hold.expires_at:
        raise HoldNotOpen


def _make_hold_too_small(hold: LockedHold, required: Decimal) -> InsufficientFunds:
    currency = get_currency(hold.currency)
    left = format_amount(hold.remaining, currency)
    return InsufficientFunds(
        f"The hold has {left} {currency.code} left. Capture less.",
        {"available": left, "required": format_amount(required, currency), "currency": currency.code},
    )


def _make_row(hold: LockedHold) -> dict[str, str | None]:
    return {
        "id": str(hold.id),
        "account_id": str(hold.account_id),
        "amount": str(hold.amount),
        "captured_amount": str(hold.captured_amount),
        "currency": hold.currency,
        "status": hold.status,
        "description": hold.description,
        "created_by": str(hold.created_by),
        "created_at": format_timestamp(hold.created_at),
        "updated_at": format_timestamp(hold.updated_at),
        "expires_at": format_timestamp(hold.expires_at),
    }


_WRITE_HOLDS = """
    INSERT INTO holds (
        id, account_id, amount, captured_amount, currency, status, description,
        created_by, created_at, updated_at, expires_at)
    SELECT id, account_id, amount, captured_amount, currency, status, description,
        created_by, created_at, updated_at, expires_at
    FROM json_populate_recordset(NULL::holds, %s::json)
    ON CONFLICT (id) DO UPDATE SET captured_amount = excluded.captured_amount, status = excluded.status,
        updated_at = excluded.updated_at
"""
_WRITE_MOVEMENTS = """
    INSERT INTO hold_movements (hold_id, account_id, delta, held_after, created_at)
    SELECT w.hold_id, w.account_id, w.delta, w.held_after, w.created_at
    FROM json_to_recordset(%s::json)
        AS w (hold_id uuid, account_id uuid, delta numeric, held_after numeric, created_at timestamptz)
"""
_WRITE_ACCOUNTS = """
    UPDATE accounts a SET held = w.held, last_moved_at = w.last_moved_at
    FROM unnest(%s::uuid[], %s::numeric[], %s::timestamptz[]) AS w (id, held, last_moved_at)
    WHERE a.id = w.id
"""
