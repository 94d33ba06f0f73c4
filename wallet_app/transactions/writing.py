"""Step 5 of the pipeline: writing what was decided."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import Connection

from wallet_app.audit import Deed, record_events
from wallet_app.clock import format_timestamp
from wallet_app.identity.caller import Caller
from wallet_app.ledger.posting import Posting
from wallet_app.transactions.models import NewTransaction
from wallet_app.transactions.moves import StatusChange
from wallet_app.uow import fetch_rows


def write_moves(
    connection: Connection,
    now: datetime,
    posting: Posting,
    transactions: Sequence[NewTransaction],
    changes: Sequence[StatusChange],
    answers: Sequence[Mapping[str, object]],
    freed_keys: Sequence[Mapping[str, object]],
) -> None:
    """Write all that was decided at ``now``: one call, and in it one set-based statement a table.

    What is empty goes as NULL. ``freed_keys`` are those whose refusal is none that is kept.
    """
    if not (transactions or answers or freed_keys):
        return
    fetch_rows(
        connection,
        "SELECT write_moves(%s::json, %s::json, %s::json, %s::json, %s::json, %s::json, %s::json)",
        (
            _to_json([_make_row(transaction) for transaction in transactions]),
            _to_json([_make_change_row(change, now) for change in changes]),
            _to_json(posting.entries),
            _to_json(posting.list_balances()),
            _to_json(posting.system_deltas),
            _to_json(answers),
            _to_json(freed_keys),
        ),
    )


def _to_json(rows: Sequence[Mapping[str, object]]) -> str | None:
    return orjson.dumps(rows).decode() if rows else None


def _make_row(transaction: NewTransaction) -> dict[str, object]:
    """A transaction as plain JSON values under its columns' names."""
    return {
        "id": str(transaction.id),
        "type": transaction.type,
        "status": transaction.status,
        "amount": str(transaction.amount),
        "currency": transaction.currency,
        "source_account_id": _to_text(transaction.source_account_id),
        "destination_account_id": _to_text(transaction.destination_account_id),
        "description": transaction.description,
        "reason": transaction.reason,
        "original_transaction_id": _to_text(transaction.original_transaction_id),
        "metadata": transaction.extra,
        "payout_reference": transaction.payout_reference,
        "initiated_by": str(transaction.initiated_by),
        "request_id": transaction.request_id,
        "created_at": format_timestamp(transaction.created_at),
        "updated_at": format_timestamp(transaction.updated_at),
        "completed_at": format_timestamp(transaction.completed_at) if transaction.completed_at else None,
    }


def _to_text(value: UUID | None) -> str | None:
    return str(value) if value is not None else None


def _make_change_row(change: StatusChange, at: datetime) -> dict[str, object]:
    return {
        "id": str(change.original.id),
        "old_status": change.original.status,
        "new_status": change.new_status,
        "updated_at": format_timestamp(at),
    }


def record_moves(connection: Connection, moves: Sequence[tuple[Caller, NewTransaction]]) -> None:
    """Staff leave an audit event for each move; a customer's move is told by the transaction itself."""
    deeds = [(caller.actor, _make_deed(transaction)) for caller, transaction in moves if caller.is_staff]
    if deeds:
        record_events(connection, deeds)


def _make_deed(transaction: NewTransaction) -> Deed:
    return Deed(
        action=f"transaction.{transaction.type}",
        object_type="transaction",
        object_id=transaction.id,
        after={
            "amount": str(transaction.amount),
            "currency": transaction.currency,
            "source_account_id": _to_text(transaction.source_account_id),
            "destination_account_id": _to_text(transaction.destination_account_id),
            "original_transaction_id": _to_text(transaction.original_transaction_id),
        },
        reason=transaction.reason or transaction.description,
    )
