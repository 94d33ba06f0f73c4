"""The one way money moves: a list of moves in, a list of outcomes out.

Claim, lock, read, decide, write, commit: ``_run`` shows the six steps. Whatever the number of moves, a unit of work
costs the same handful of statements, since every step is set-based; ``tests/services/transactions`` counts them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
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
from wallet_app.transactions.idempotency import (
    STORED_REFUSALS,
    IdempotencyKey,
    KeyName,
    StoredAnswer,
    claim_keys,
)
from wallet_app.transactions.models import NewTransaction
from wallet_app.transactions.moves import Completed, Facts, Move, Policy, Refused, StatusChange
from wallet_app.transactions.originals import lock_originals
from wallet_app.transactions.writing import record_moves, write_moves
from wallet_app.uow import fetch_rows, run_on_connection

EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """A move and, if the client sent one, the key that makes it happen once."""

    move: Move
    key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """The move was made; ``transaction`` is as it was written."""

    transaction: NewTransaction


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


@dataclass(frozen=True, slots=True)
class Order:
    """A move, who asks for it, and how what comes of it is rendered. Orders of several callers may share a list."""

    caller: Caller
    move: Move
    key: IdempotencyKey | None
    render: Render

    @property
    def key_name(self) -> KeyName | None:
        """The key as the database tells it from others: keys belong to their caller."""
        return (self.caller.user_id, self.key.key) if self.key is not None else None


def execute(
    caller: Caller, requests: Sequence[MoveRequest], *, policy: Policy, render: Render, atomic: bool = False
) -> list[Result]:
    """Make ``requests`` of one caller in order, in one unit of work, and return a result for each.

    ``render`` turns an outcome into the client's answer, to be stored under its idempotency key; it must be pure.
    Independently, a refused move writes only its answer. With ``atomic``, one refusal means that nothing is written.

    Raises:
        BatchRefused: atomic, and one was refused; ``details`` has its index and error.
        IdempotencyInProgress: another request with one of the keys is still running.
        Unavailable: locks stayed taken or the database went away; nothing is known to be written.
    """
    orders = [Order(caller, request.move, request.key, render) for request in requests]
    return execute_orders(orders, policy=policy, atomic=atomic)


def execute_orders(
    orders: Sequence[Order], *, policy: Policy, atomic: bool = False, lock_timeout_ms: int | None = None
) -> list[Result]:
    """As ``execute``, for moves of whichever callers; ``lock_timeout_ms`` shortens the wait for each lock."""
    return run_on_connection(partial(_run, orders, policy, atomic, lock_timeout_ms))


def _run(
    orders: Sequence[Order], policy: Policy, atomic: bool, lock_timeout_ms: int | None, connection: Connection
) -> list[Result]:
    if lock_timeout_ms is not None:
        fetch_rows(connection, "SELECT set_config('lock_timeout', %s, true)", (str(lock_timeout_ms),))
    plan = _claim(connection, orders)
    if atomic:
        for index in sorted(plan.results):
            _refuse_batch_if_refused(index, plan.results[index])
    facts = _lock_and_read(connection, policy, [orders[index] for index in plan.fresh])
    work = _Work(facts)
    for index in plan.fresh:
        outcome = work.decide(orders[index])
        plan.results[index] = Result(outcome, orders[index].render(outcome))
        if atomic:
            _refuse_batch_if_refused(index, plan.results[index])
    answers, freed_keys = _sort_answers(plan, orders)
    transactions = [transaction for _, transaction in work.moves]
    write_moves(connection, facts.now, work.posting, transactions, work.changes, answers, freed_keys)
    record_moves(connection, work.moves)
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


def _claim(connection: Connection, orders: Sequence[Order]) -> _Plan:
    """Step 1: claim the keys. Equal keys within the list are claimed once and share one result."""
    plan = _Plan()
    first_use: dict[KeyName, int] = {}
    for index, order in enumerate(orders):
        name = order.key_name
        if name is None:
            plan.fresh.append(index)
        elif name not in first_use:
            plan.fresh.append(index)
            first_use[name] = index
        elif order.key == orders[first_use[name]].key:
            plan.twins[index] = first_use[name]
        else:
            plan.results[index] = _refuse(IdempotencyKeyReused(), order.render)
    fingerprints = {name: key.fingerprint for name, index in first_use.items() if (key := orders[index].key)}
    known = claim_keys(connection, fingerprints, clock.now()) if fingerprints else {}
    for name, answer in known.items():
        index = first_use[name]
        plan.fresh.remove(index)
        plan.results[index] = (
            Result(Replayed(), answer) if isinstance(answer, StoredAnswer) else _refuse(answer, orders[index].render)
        )
    return plan


def _refuse(problem: Problem, render: Render) -> Result:
    refused = Refused(problem)
    return Result(refused, render(refused))


def _lock_and_read(connection: Connection, policy: Policy, orders: Sequence[Order]) -> Facts:
    """Steps 2 and 3: owners, accounts, then transactions are locked and read; then the time is taken, once."""
    refs: dict[AccountRef, bool] = {}
    original_ids: set[UUID] = set()
    for order in orders:
        for ref, debited in order.move.list_accounts().items():
            refs[ref] = refs.get(ref, False) or debited
        original_ids.update(order.move.list_originals())
    accounts = lock_accounts(connection, {order.caller.user_id for order in orders}, refs) if refs else {}
    originals = lock_originals(connection, original_ids) if original_ids else {}
    now = max(clock.now(), find_last_moment(accounts.values()) or EARLIEST)
    lost_emails = [ref.value for ref in refs if ref.kind == "email" and ref not in accounts]
    known_emails = find_known_emails(connection, lost_emails) if lost_emails else frozenset()
    return Facts(policy, now, accounts, originals, known_emails)


class _Work:
    """Step 4: decides moves in order, and keeps what has been decided for the write. Knows no database."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.posting = Posting()
        self.moves: list[tuple[Caller, NewTransaction]] = []
        self.changes: list[StatusChange] = []

    def decide(self, order: Order) -> Moved | Refused:
        """Decide one move, and let those after it see its effect."""
        try:
            decision = order.move.decide(order.caller, self.facts)
        except Problem as problem:
            return Refused(problem)
        transaction = _make_transaction(decision, order.caller, self.facts)
        self.posting.post(transaction.id, decision.legs, self.facts.now)
        self.moves.append((order.caller, transaction))
        if decision.change is not None:
            original = decision.change.original
            self.changes.append(decision.change)
            self.facts.originals[original.id] = replace(original, status=decision.change.new_status)
        return Moved(transaction)


def _make_transaction(decision: Completed, caller: Caller, facts: Facts) -> NewTransaction:
    return NewTransaction(
        id=uuid7(),
        type=decision.type,
        status="completed",
        amount=decision.amount,
        currency=decision.currency,
        source_account_id=decision.source.id if decision.source else None,
        destination_account_id=decision.destination.id if decision.destination else None,
        description=decision.description,
        reason=decision.reason,
        original_transaction_id=decision.original.id if decision.original else None,
        extra=decision.metadata,
        payout_reference=decision.payout_reference,
        initiated_by=caller.user_id,
        request_id=caller.request_id,
        created_at=facts.now,
        updated_at=facts.now,
        completed_at=facts.now,
    )


def _sort_answers(plan: _Plan, orders: Sequence[Order]) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """The answers to store, and the keys to free because their refusal is none that is kept."""
    stored: list[dict[str, object]] = []
    freed: list[dict[str, object]] = []
    for index in plan.fresh:
        order, result = orders[index], plan.results[index]
        if order.key is None:
            continue
        name: dict[str, object] = {"caller_id": str(order.caller.user_id), "key": order.key.key}
        if isinstance(result.outcome, Refused) and result.answer.status not in STORED_REFUSALS:
            freed.append(name)
        else:
            stored.append({**name, "status": result.answer.status, "body": result.answer.body})
    return stored, freed
