"""The one way money moves: a list of moves in, a list of outcomes out.

Claim, lock, read, decide, write, commit: ``_run`` shows the six steps. Whatever the number of moves, a unit of work
costs the same handful of statements, since every step is set-based; ``tests/services/transactions`` counts them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from uuid import UUID

import orjson
from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from wallet_app import clock
from wallet_app.errors import BatchRefused, IdempotencyKeyReused, Problem
from wallet_app.identity.caller import Caller
from wallet_app.identity.directory import find_known_emails
from wallet_app.ledger.locking import find_last_moment, lock_accounts
from wallet_app.ledger.posting import Posting
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions.idempotency import STORED_REFUSALS, IdempotencyKey, StoredAnswer, claim_keys
from wallet_app.transactions.models import Transaction
from wallet_app.transactions.moves import Completed, Facts, Move, Policy, Refused, StatusChange
from wallet_app.transactions.originals import lock_originals
from wallet_app.transactions.writing import record_moves, write_moves
from wallet_app.uow import run_on_connection

ZERO = Decimal(0)
EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """A move and, if the client sent one, the key that makes it happen once."""

    move: Move
    key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """The move was made; ``transaction`` is as it was written."""

    transaction: Transaction


@dataclass(frozen=True, slots=True)
class Replayed:
    """The key was used before, for this very request; nothing was done now."""


Outcome = Moved | Refused | Replayed
Render = Callable[[Moved | Refused], StoredAnswer]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a move, and the answer that the client gets, now and whenever it repeats the request."""

    outcome: Outcome
    answer: StoredAnswer


def execute(
    caller: Caller, requests: Sequence[MoveRequest], *, policy: Policy, render: Render, atomic: bool = False
) -> list[Result]:
    """Make ``requests`` in order, in one unit of work, and return a result for each.

    ``render`` turns an outcome into the client's answer, to be stored under its idempotency key; it must be pure.
    Independently, a refused move writes only its answer. With ``atomic``, one refusal means that nothing is written.

    Raises:
        BatchRefused: atomic, and one was refused; ``details`` has its index and error.
        IdempotencyInProgress: another request with one of the keys is still running.
        Unavailable: locks stayed taken or the database went away; nothing is known to be written.
    """
    return run_on_connection(partial(_run, caller, requests, policy, render, atomic))


def _run(
    caller: Caller,
    requests: Sequence[MoveRequest],
    policy: Policy,
    render: Render,
    atomic: bool,
    connection: Connection,
) -> list[Result]:
    plan = _claim(connection, caller, requests, render)
    if atomic:
        for index in sorted(plan.results):
            _refuse_batch_if_refused(index, plan.results[index])
    facts = _lock_and_read(connection, caller, policy, [requests[index].move for index in plan.fresh])
    work = _Work(facts)
    for index in plan.fresh:
        outcome = work.decide(requests[index].move)
        plan.results[index] = Result(outcome, render(outcome))
        if atomic:
            _refuse_batch_if_refused(index, plan.results[index])
    answers, freed_keys = _sort_answers(caller, plan, requests)
    write_moves(connection, caller, facts.now, work.posting, work.transactions, work.changes, answers, freed_keys)
    record_moves(connection, caller, work.transactions)
    return plan.list_results()


@dataclass(slots=True)
class _Plan:
    """Which moves are to be made now, which share another's result, and the results so far, all by index."""

    fresh: list[int] = field(default_factory=list)
    twins: dict[int, int] = field(default_factory=dict)
    results: dict[int, Result] = field(default_factory=dict)

    def list_results(self) -> list[Result]:
        count = len(self.results) + len(self.twins)
        return [self.results[self.twins.get(index, index)] for index in range(count)]


def _refuse_batch_if_refused(index: int, result: Result) -> None:
    """Raises:
    BatchRefused: the move was refused, now or when its key was first used.
    """
    if result.answer.status >= HTTPStatus.BAD_REQUEST:
        raise BatchRefused(
            f"Item {index} was refused, so nothing was written. details.error says why.",
            {"index": index, "error": orjson.loads(result.answer.body)},
        )


def _claim(connection: Connection, caller: Caller, requests: Sequence[MoveRequest], render: Render) -> _Plan:
    """Step 1: claim the keys. Equal keys within the list are claimed once and share one result."""
    plan = _Plan()
    first_use: dict[str, int] = {}
    for index, request in enumerate(requests):
        key = request.key
        if key is None:
            plan.fresh.append(index)
        elif key.key not in first_use:
            plan.fresh.append(index)
            first_use[key.key] = index
        elif key == requests[first_use[key.key]].key:
            plan.twins[index] = first_use[key.key]
        else:
            plan.results[index] = _refuse(IdempotencyKeyReused(), render)
    keys = [key for index in first_use.values() if (key := requests[index].key) is not None]
    known = claim_keys(connection, caller.user_id, keys, clock.now()) if keys else {}
    for text, answer in known.items():
        plan.fresh.remove(first_use[text])
        plan.results[first_use[text]] = (
            Result(Replayed(), answer) if isinstance(answer, StoredAnswer) else _refuse(answer, render)
        )
    return plan


def _refuse(problem: Problem, render: Render) -> Result:
    refused = Refused(problem)
    return Result(refused, render(refused))


def _lock_and_read(connection: Connection, caller: Caller, policy: Policy, moves: Sequence[Move]) -> Facts:
    """Steps 2 and 3: owners, accounts, then transactions are locked and read; then the time is taken, once."""
    refs: dict[AccountRef, bool] = {}
    original_ids: set[UUID] = set()
    for move in moves:
        for ref, debited in move.list_accounts().items():
            refs[ref] = refs.get(ref, False) or debited
        original_ids.update(move.list_originals())
    accounts = lock_accounts(connection, caller.user_id, refs) if refs else {}
    originals = lock_originals(connection, original_ids) if original_ids else {}
    now = max(clock.now(), find_last_moment(accounts.values()) or EARLIEST)
    lost_emails = [ref.value for ref in refs if ref.kind == "email" and ref not in accounts]
    known_emails = find_known_emails(connection, lost_emails) if lost_emails else frozenset()
    return Facts(caller, policy, now, accounts, originals, known_emails)


class _Work:
    """Step 4: decides moves in order, and keeps what has been decided for the write. Knows no database."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.posting = Posting()
        self.transactions: list[Transaction] = []
        self.changes: list[StatusChange] = []

    def decide(self, move: Move) -> Moved | Refused:
        """Decide one move, and let those after it see its effect."""
        try:
            decision = move.decide(self.facts)
        except Problem as problem:
            return Refused(problem)
        transaction = _make_transaction(decision, self.facts)
        self.posting.post(transaction.id, decision.legs, self.facts.now)
        self.transactions.append(transaction)
        if decision.change is not None:
            original = decision.change.original
            self.changes.append(decision.change)
            self.facts.originals[original.id] = replace(original, status=decision.change.new_status)
        return Moved(transaction)


def _make_transaction(decision: Completed, facts: Facts) -> Transaction:
    return Transaction(
        id=uuid7(),
        type=decision.type,
        status="completed",
        amount=decision.amount,
        currency=decision.currency,
        source_account_id=decision.source.id if decision.source else None,
        destination_account_id=decision.destination.id if decision.destination else None,
        description=decision.description,
        reason=decision.reason,
        merchant_name=None,
        merchant_category=None,
        original_transaction_id=decision.original.id if decision.original else None,
        refunded_amount=ZERO,
        exchange_rate=None,
        converted_amount=None,
        converted_currency=None,
        extra=dict(decision.metadata),
        payout_reference=decision.payout_reference,
        initiated_by=facts.caller.user_id,
        request_id=facts.caller.request_id,
        created_at=facts.now,
        updated_at=facts.now,
        completed_at=facts.now,
    )


def _sort_answers(
    caller: Caller, plan: _Plan, requests: Sequence[MoveRequest]
) -> tuple[list[dict[str, object]], list[str]]:
    """The answers to store, and the keys to free because their refusal is none that is kept."""
    stored: list[dict[str, object]] = []
    freed: list[str] = []
    for index in plan.fresh:
        key, result = requests[index].key, plan.results[index]
        if key is None:
            continue
        if isinstance(result.outcome, Refused) and result.answer.status not in STORED_REFUSALS:
            freed.append(key.key)
        else:
            stored.append(
                {
                    "caller_id": str(caller.user_id),
                    "key": key.key,
                    "status": result.answer.status,
                    "body": result.answer.body,
                }
            )
    return stored, freed
