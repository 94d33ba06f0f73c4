"""The transactions that a reversal takes back: which accounts they touch, and reading them under a lock."""

from collections.abc import Collection
from decimal import Decimal
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
    """Lock transactions, sorted by id, and read them and their entries in statements after it."""
    wanted = [str(transaction_id) for transaction_id in ids]
    fetch_rows(
        connection, "SELECT FROM transactions WHERE id = ANY (%s::uuid[]) ORDER BY id FOR NO KEY UPDATE", (wanted,)
    )
    entries: dict[UUID, list[tuple[UUID, Decimal]]] = {}
    for transaction_id, account_id, amount in fetch_rows(
        connection,
        "SELECT transaction_id, account_id, amount FROM entries WHERE transaction_id = ANY (%s::uuid[]) ORDER BY id",
        (wanted,),
    ):
        entries.setdefault(transaction_id, []).append((account_id, amount))
    rows = fetch_rows(
        connection,
        "SELECT id, type, status, amount, currency, refunded_amount, source_account_id, destination_account_id"
        " FROM transactions WHERE id = ANY (%s::uuid[])",
        (wanted,),
    )
    return {row[0]: Original(*row, tuple(entries.get(row[0], ()))) for row in rows}
