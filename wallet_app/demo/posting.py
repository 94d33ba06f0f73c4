"""Posting the story's events through the money pipeline, each at its own moment and only once."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wallet_app import clock
from wallet_app.demo.events import Event, Purse
from wallet_app.demo.settling import World
from wallet_app.demo.showing import Reporter
from wallet_app.identity.caller import Caller
from wallet_app.ledger.references import AccountRef
from wallet_app.transactions.idempotency import StoredAnswer, make_key
from wallet_app.transactions.models import IdempotencyKey
from wallet_app.transactions.moves import Move, Policy, Refused
from wallet_app.transactions.originals import read_reversal_accounts
from wallet_app.transactions.pipeline import Moved, MoveRequest, execute
from wallet_app.transactions.reversal import Reversal
from wallet_app.transactions.top_up import TopUp
from wallet_app.transactions.transfer import Transfer
from wallet_app.transactions.withdrawal import Withdrawal
from wallet_app.uow import run_in_unit_of_work


def post_events(world: World, events: Sequence[Event], reporter: Reporter) -> int:
    """Post what is not there yet, in the order of time; answers how many were refused.

    Moves of one person at one moment go as one list.
    """
    posted = run_in_unit_of_work(lambda session: _read_posted_keys(session, world))
    reporter.advance(len(posted & {event.key for event in events}))
    refused = 0
    left = (event for event in events if event.key not in posted)
    for (at, by), group in groupby(left, key=lambda event: (event.at, event.by)):
        together = list(group)
        with clock.at(at):
            refused += _post(world, world.make_caller(by), together)
        reporter.advance(len(together))
    return refused


def _read_posted_keys(session: Session, world: World) -> set[str]:
    statement = select(IdempotencyKey.key).where(
        IdempotencyKey.caller_id.in_(world.users.values()), IdempotencyKey.key.startswith("demo:")
    )
    return set(session.scalars(statement))


def _post(world: World, caller: Caller, events: Sequence[Event]) -> int:
    moves = [(event.key, move) for event in events for move in _make_moves(world, event)]
    requests = [MoveRequest(move, make_key(key)) for key, move in moves]
    if not requests:
        return len(events)
    results = execute(caller, requests, policy=Policy(), render=_render)
    refused = sum(isinstance(result.outcome, Refused) for result in results)
    return refused + len(events) - len(requests)


def _make_moves(world: World, event: Event) -> Iterator[Move]:
    """The event's move, or none where an account is gone."""
    source, destination = _find_account(world, event.source), _find_account(world, event.destination)
    if event.takes_back is not None:
        yield from _make_reversal(world, event.takes_back, event.description)
    elif source and destination:
        yield Transfer(
            source=source,
            destination=destination,
            amount=event.amount,
            currency=event.currency,
            description=event.description,
        )
    elif destination and event.source is None:
        yield TopUp(account=destination, amount=event.amount, currency=event.currency, description=event.description)
    elif source and event.destination is None:
        yield Withdrawal(
            account=source,
            amount=event.amount,
            currency=event.currency,
            payout_reference=event.reference,
            description=event.description,
        )


def _find_account(world: World, purse: Purse | None) -> AccountRef | None:
    account_id = world.accounts.get(purse) if purse else None
    return AccountRef("id", str(account_id)) if account_id else None


def _make_reversal(world: World, key: str, reason: str | None) -> Iterator[Move]:
    """The original's id is in the answer that was stored under its key."""

    def read(session: Session) -> Iterator[Move]:
        answer = session.scalar(
            select(IdempotencyKey.response_body).where(
                IdempotencyKey.caller_id.in_(world.users.values()), IdempotencyKey.key == key
            )
        )
        original_id = json.loads(answer).get("id") if answer else None
        if original_id is not None:
            accounts = read_reversal_accounts(session, UUID(original_id))
            yield Reversal(original_id=UUID(original_id), accounts=accounts, reason=reason)

    yield from run_in_unit_of_work(lambda session: list(read(session)))


def _render(outcome: Moved | Refused) -> StoredAnswer:
    if isinstance(outcome, Refused):
        return StoredAnswer(outcome.problem.status, json.dumps({"code": outcome.problem.code}))
    return StoredAnswer(201, json.dumps({"id": str(outcome.transaction.id)}))
