"""Money moves for tests, straight through the pipeline and without HTTP. All of it runs within an app context."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from wallet_app.errors import Problem
from wallet_app.identity.caller import Caller
from wallet_app.ledger.locking import LockedAccount, lock_accounts
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions.idempotency import IdempotencyKey, StoredAnswer
from wallet_app.transactions.models import Transaction
from wallet_app.transactions.moves import Move, Policy, Refused
from wallet_app.transactions.originals import read_reversal_accounts
from wallet_app.transactions.pipeline import Moved, MoveRequest, Result, execute
from wallet_app.transactions.reversal import Reversal
from wallet_app.transactions.top_up import TopUp
from wallet_app.transactions.transfer import Transfer
from wallet_app.transactions.withdrawal import Withdrawal
from wallet_app.uow import run_in_unit_of_work

SANDBOX = Policy(sandbox=True)


def by_id(account_id: UUID | None) -> AccountRef:
    return AccountRef("id", str(account_id))


def lock_account(connection: Connection, account_id: UUID | None) -> LockedAccount:
    """Lock a customer's account for the rest of the unit of work."""
    ref = by_id(account_id)
    return lock_accounts(connection, [], {ref: True})[ref]


def transfer(source: UUID | None, destination: UUID | None, amount: str, currency: str = "USD") -> Transfer:
    return Transfer(source=by_id(source), destination=by_id(destination), amount=Decimal(amount), currency=currency)


def top_up(account: UUID | None, amount: str, currency: str = "USD") -> TopUp:
    return TopUp(account=by_id(account), amount=Decimal(amount), currency=currency)


def withdrawal(account: UUID | None, amount: str, currency: str = "USD") -> Withdrawal:
    return Withdrawal(account=by_id(account), amount=Decimal(amount), currency=currency)


def reversal(original: Transaction | UUID, reason: str | None = None) -> Reversal:
    """The reversal of a transaction that exists; reads its accounts as the API does."""
    original_id = original if isinstance(original, UUID) else original.id
    accounts = run_in_unit_of_work(lambda session: read_reversal_accounts(session, original_id))
    return Reversal(original_id=original_id, accounts=accounts, reason=reason)


def render(outcome: Moved | Refused) -> StoredAnswer:
    """An answer as short as it may be: the transaction's id, or the problem's code."""
    if isinstance(outcome, Moved):
        return StoredAnswer(201, json.dumps({"id": str(outcome.transaction.id)}))
    return StoredAnswer(outcome.problem.status, json.dumps({"code": outcome.problem.code}))


def keyed(move: Move, key: str, body: str = "") -> MoveRequest:
    """A move under a client's key; ``body`` stands for the request whose fingerprint is kept."""
    return MoveRequest(move, IdempotencyKey(key, body))


def run(caller: Caller, requests: Sequence[Any], *, policy: Policy = SANDBOX, atomic: bool = False) -> list[Result]:
    """Run moves, or moves with keys (``MoveRequest``), as one list."""
    wanted = [request if isinstance(request, MoveRequest) else MoveRequest(request) for request in requests]
    return execute(caller, wanted, policy=policy, render=render, atomic=atomic)


def make(caller: Caller, move: Move) -> Transaction:
    """Make one move that must be made."""
    (result,) = run(caller, [move])
    assert isinstance(result.outcome, Moved), result.outcome
    return result.outcome.transaction


def refuse(caller: Caller, move: Move, *, policy: Policy = SANDBOX) -> Problem:
    """Try one move that must be refused, and say why it was."""
    (result,) = run(caller, [move], policy=policy)
    assert isinstance(result.outcome, Refused), result.outcome
    return result.outcome.problem
