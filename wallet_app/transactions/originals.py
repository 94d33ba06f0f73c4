"""The transactions that a reversal takes back: which accounts they touch, and reading them under a lock."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from wallet_app.errors import NotFound
from wallet_app.ledger.locking import AccountRef
from wallet_app.ledger.models import Entry
from wallet_app.transactions.models import Transaction
from wallet_app.transactions.moves import Original


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
    """Lock transactions, sorted by id, and read them and their entries in a second statement."""
    wanted = [str(transaction_id) for transaction_id in ids]
    connection.exec_driver_sql(
        "SELECT FROM transactions WHERE id = ANY (%s::uuid[]) ORDER BY id FOR NO KEY UPDATE", (wanted,)
    )
    rows = connection.exec_driver_sql(
        "SELECT t.id, t.type, t.status, t.amount, t.currency, t.refunded_amount,"
        " t.source_account_id, t.destination_account_id,"
        " array_agg(e.account_id ORDER BY e.id) FILTER (WHERE e.id IS NOT NULL),"
        " array_agg(e.amount ORDER BY e.id) FILTER (WHERE e.id IS NOT NULL)"
        " FROM transactions t LEFT JOIN entries e ON e.transaction_id = t.id"
        " WHERE t.id = ANY (%s::uuid[]) GROUP BY t.id",
        (wanted,),
    )
    originals: dict[UUID, Original] = {}
    for row in rows:
        values = (*row[:8], tuple(zip(row[8] or (), row[9] or (), strict=True)))
        originals[row[0]] = Original(*values)
    return originals
