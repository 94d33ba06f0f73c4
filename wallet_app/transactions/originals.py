"""The transactions that a reversal takes back: which accounts they touch, and reading them under a lock."""

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from wallet_app.errors import NotFound
from wallet_app.ledger.models import Entry
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions.models import Transaction
from wallet_app.transactions.moves import Original
from wallet_app.uow import fetch_rows


def read_reversal_accounts(session: Session, transaction_id: UUID) -> dict[AccountRef, bool]:
    """The accounts of a transaction's entries, each with whether its reversal debits it.

    Read without a lock, before the unit of work: entries never change.

    Raises:
        NotFound: there is no such transaction.
    """
    if session.get(Transaction, transaction_id) is None:
        raise NotFound
    rows = session.execute(select(Entry.account_id, Entry.amount).where(Entry.transaction_id == transaction_id))
    refs: dict[AccountRef, bool] = {}
    for account_id, amount in rows:
        ref = AccountRef("id", str(account_id))
        refs[ref] = refs.get(ref, False) or amount > 0
    return refs


def lock_originals(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Original]:
    """Lock transactions, sorted by id, and read them as they are then, with their entries, which never change."""
    rows = fetch_rows(
        connection,
        "SELECT t.id, t.type, t.status, t.amount, t.currency, t.refunded_amount, t.source_account_id,"
        " t.destination_account_id, e.account_id, e.amount"
        " FROM transactions t LEFT JOIN entries e ON e.transaction_id = t.id"
        " WHERE t.id = ANY (%s::uuid[]) ORDER BY t.id, e.id FOR NO KEY UPDATE OF t",
        ([str(transaction_id) for transaction_id in ids],),
    )
    originals: dict[UUID, Original] = {}
    for *columns, account_id, amount in rows:
        original = originals.setdefault(columns[0], Original(*columns))
        if account_id is not None:
            originals[original.id] = replace(original, entries=(*original.entries, (account_id, amount)))
    return originals
