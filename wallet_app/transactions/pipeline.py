"""The one way money moves: a list of moves in, a list of outcomes out.

Claim, lock, read, decide, write, commit: ``_run`` shows the six steps. Whatever the number of moves, a unit of work
costs the same handful of statements, since every step is set-based; ``tests/services/transactions`` counts them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from uuid import UUID

import orjson
from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from wallet_app import clock
from wallet_app.errors import BatchRefused, Problem
from wallet_app.identity.caller import Caller
from wallet_app.identity.directory import find_known_emails
from wallet_app.ledger.locking import find_last_moment, lock_accounts
from wallet_app.ledger.posting import Posting
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions.claiming import AnsweredBefore, Plan, claim, sort_answers
from wallet_app.transactions.idempotency import KeyName, StoredAnswer
from wallet_app.transactions.models import NewTransaction
from wallet_app.transactions.moves import Completed, Facts, Policy, Refused, StatusChange
from wallet_app.transactions.orders import (
    Moved,
    MoveRequest,
    Order,
    Render,
    Replayed,
    Result,
    Whole,
    WholeAnswer,
)
from wallet_app.transactions.originals import lock_originals
from wallet_app.transactions.writing import record_moves, write_moves
from wallet_app.uow import fetch_rows, run_on_connection

# What is asked and answered comes from here too, so that a caller knows one module.
__all__ = [
    "MoveRequest",
    "Moved",
    "Order",
    "Render",
    "Replayed",
    "Result",
    "Whole",
    "WholeAnswer",
    "execute",
    "execute_orders",
    "execute_whole",
]

# Of a list that is no request itself.
NO_ANSWER = StoredAnswer(0, "")
EARLIEST = datetime.min.replace(tzinfo=UTC)


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
    done = run_on_connection(partial(_run, orders, None, policy, atomic, lock_timeout_ms))
    if done.refusal is not None:
        raise done.refusal
    return done.results


def execute_whole(
    whole: Whole, requests: Sequence[MoveRequest], *, policy: Policy, render: Render, atomic: bool = False
) -> WholeAnswer:
    """As ``execute``, for a list that has a key and an answer of its own, stored in the unit of work of its moves.

    Raises:
        IdempotencyKeyReused: the key of the whole was used for another request.
        IdempotencyInProgress, Unavailable: as ``execute``.
    """
    orders = [Order(whole.caller, request.move, request.key, render) for request in requests]
    try:
        done = run_on_connection(partial(_run, orders, whole, policy, atomic, None))
    except AnsweredBefore as known:
        return WholeAnswer(known.answer, is_replayed=True)
    return WholeAnswer(done.answer)


@dataclass(frozen=True, slots=True)
class _Done:
    """What came of a list: its results; what refused it, if it was atomic; and its answer as a whole."""

    results: list[Result]
    refusal: BatchRefused | None
    answer: StoredAnswer


def _run(
    orders: Sequence[Order],
    whole: Whole | None,
    policy: Policy,
    atomic: bool,
    lock_timeout_ms: int | None,
    connection: Connection,
) -> _Done:
    if lock_timeout_ms is not None:
        fetch_rows(connection, "SELECT set_config('lock_timeout', %s, true)", (str(lock_timeout_ms),))
    plan = claim(connection, orders, whole)
    facts = _lock_and_read(connection, policy, [orders[index] for index in plan.fresh])
    work = _Work(facts)
    for index in plan.fresh:
        outcome = work.decide(orders[index])
        plan.results[index] = Result(outcome, orders[index].render(outcome))
    results = plan.list_results()
    refusal = _find_refusal(results) if atomic else None
    if refusal is not None:
        work = _Work(facts)  # of what was decided, nothing is written
    answer = whole.render(refusal or results) if whole is not None else NO_ANSWER
    stored, freed = sort_answers(_list_answers(plan, orders, whole, refusal, answer))
    transactions = [transaction for _, transaction in work.moves]
    write_moves(connection, facts.now, work.posting, transactions, work.changes, stored, freed)
    record_moves(connection, work.moves)
    return _Done(results, refusal, answer)


def _find_refusal(results: Sequence[Result]) -> BatchRefused | None:
    """What refuses an atomic list: its first move that was refused, now or when its key was first used."""
    for index, result in enumerate(results):
        if result.answer.status >= HTTPStatus.BAD_REQUEST:
            return BatchRefused(
                f"Item {index} was refused, so nothing was written. details.error says why.",
                {"index": index, "error": orjson.loads(result.answer.body)},
            )
    return None


def _list_answers(
    plan: Plan, orders: Sequence[Order], whole: Whole | None, refusal: BatchRefused | None, answer: StoredAnswer
) -> dict[KeyName, StoredAnswer | None]:
    """The answer under each key that was claimed now; a refused list frees those of its moves."""
    answers: dict[KeyName, StoredAnswer | None] = {}
    for index in plan.fresh:
        name = orders[index].key_name
        if name is not None:
            answers[name] = plan.results[index].answer if refusal is None else None
    if whole is not None:
        answers |= dict.fromkeys(whole.claims, answer)
    return answers


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
