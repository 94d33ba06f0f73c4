"""Transactions: every money move of a single kind comes in here, and all are read here."""

from functools import partial
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, current_app, request

from wallet_app.api.answers import PROBLEM_TYPE, render_problem, reply, to_json
from wallet_app.api.body import read_body, read_idempotency_key, read_query
from wallet_app.api.endpoint import endpoint
from wallet_app.api.v1.rendering import render_event, render_posting, render_transaction
from wallet_app.api.v1.transactions_listing import list_page
from wallet_app.api.v1.transactions_schema import (
    ReversalIn,
    TopUpIn,
    TransactionDetailOut,
    TransactionIn,
    TransactionOut,
    TransactionsOut,
    TransactionsQuery,
    TransferIn,
    WithdrawalIn,
)
from wallet_app.identity.caller import Caller
from wallet_app.ledger.references import AccountRef
from wallet_app.money import get_currency, parse_amount
from wallet_app.transactions.combining import Combiner
from wallet_app.transactions.idempotency import IdempotencyKey, StoredAnswer
from wallet_app.transactions.moves import Move, Refused
from wallet_app.transactions.originals import read_reversal_accounts
from wallet_app.transactions.pipeline import Moved, Order, Replayed
from wallet_app.transactions.queries import get_transaction_for, list_entries_of, require_reversal_rights
from wallet_app.transactions.reversal import Reversal
from wallet_app.transactions.timeline import read_timeline
from wallet_app.transactions.top_up import TopUp
from wallet_app.transactions.transfer import Transfer
from wallet_app.transactions.withdrawal import Withdrawal
from wallet_app.uow import run_in_unit_of_work

transactions = Blueprint("transactions", __name__, url_prefix="/api/v1/transactions")


def make_move(caller: Caller, body: TransferIn | TopUpIn | WithdrawalIn) -> Move:
    """The move that a body asks for.

    Raises:
        InvalidAmount: against the digits of its currency.
    """
    amount = parse_amount(body.amount, get_currency(body.currency))
    if isinstance(body, TopUpIn):
        return TopUp(
            account=AccountRef("id", str(body.account_id)),
            amount=amount,
            currency=body.currency,
            description=body.description,
            metadata=body.metadata or {},
        )
    if isinstance(body, WithdrawalIn):
        return Withdrawal(
            account=AccountRef("id", str(body.account_id)),
            amount=amount,
            currency=body.currency,
            payout_reference=body.payout_reference,
            description=body.description,
            metadata=body.metadata or {},
        )
    return Transfer(
        source=_find_source(caller, body),
        destination=_find_destination(body),
        amount=amount,
        currency=body.currency,
        description=body.description,
        metadata=body.metadata or {},
    )


def _find_source(caller: Caller, body: TransferIn) -> AccountRef:
    if body.source_account_id is not None:
        return AccountRef("id", str(body.source_account_id))
    return AccountRef("owner", str(caller.user_id), body.currency)


def _find_destination(body: TransferIn) -> AccountRef:
    if body.destination_account_id is not None:
        return AccountRef("id", str(body.destination_account_id))
    if body.destination_account_number is not None:
        return AccountRef("number", body.destination_account_number)
    email = body.to_user_email or ""
    # Only ASCII is lower-cased: the Kelvin sign, say, would become a k and name somebody else.
    return AccountRef("email", email.lower() if email.isascii() else "", body.currency)


def move_money(caller: Caller, move: Move, key: IdempotencyKey | None) -> Response:
    """Make one move and answer it: 201, a stored answer again, or the problem that refused it."""
    combiner: Combiner = current_app.extensions["wallet_combiner"]
    # Another request's thread may render this one's answer: what it needs of this request goes along.
    result = combiner.make(Order(caller, move, key, partial(render_answer, caller, request.path)))
    return reply_stored(result.answer, is_replayed=isinstance(result.outcome, Replayed))


def reply_stored(answer: StoredAnswer, *, is_replayed: bool) -> Response:
    """An answer of the pipeline, as it is or would be stored under its key."""
    headers = {"Idempotency-Replayed": "true"} if is_replayed else {}
    content_type = PROBLEM_TYPE if answer.status >= HTTPStatus.BAD_REQUEST else "application/json"
    return Response(answer.body, answer.status, headers, content_type=content_type)


def render_answer(caller: Caller, path: str, outcome: Moved | Refused) -> StoredAnswer:
    """What came of a move as its client is answered; pure, so that any thread may render it."""
    if isinstance(outcome, Moved):
        shown = render_transaction(outcome.transaction, for_staff=caller.is_staff)
        return StoredAnswer(201, to_json(shown).decode())
    shown = render_problem(outcome.problem, path, caller.request_id)
    return StoredAnswer(outcome.problem.status, to_json(shown).decode())


@endpoint(
    transactions,
    "POST",
    "",
    tag="Transactions",
    body=TransactionIn,
    answers={201: TransactionOut},
    errors=(403, 404, 409, 422),
    headers=("Idempotency-Key",),
)
def create(caller: Caller) -> Response:
    """Move money: a transfer, a top-up or a withdrawal.

    A transfer takes the caller's primary account in `currency` where `source_account_id` is omitted.
    """
    caller.require_writing()
    key = read_idempotency_key()
    return move_money(caller, make_move(caller, read_body(TransactionIn).root), key)


@endpoint(
    transactions, "GET", "", tag="Transactions", query=TransactionsQuery, answers={200: TransactionsOut}, errors=(404,)
)
def index(caller: Caller) -> Response:
    """List the transactions one may see, newest first.

    Dates are inclusive, in the owner's time zone; a time as `end_date` is exclusive.
    """
    query = read_query(TransactionsQuery)
    return list_page(
        caller,
        query,
        account_id=UUID(str(query.account_id)) if query.account_id else None,
        user_id=UUID(str(query.user_id)) if query.user_id else None,
    )


@endpoint(transactions, "GET", "/<uuid:transaction_id>", tag="Transactions", answers={200: TransactionDetailOut})
def show(caller: Caller, transaction_id: UUID) -> Response:
    """Read a transaction; staff see its entries, fraud assessment and timeline too."""
    transaction = get_transaction_for(caller, transaction_id)
    shown = render_transaction(transaction, for_staff=caller.is_staff)
    if caller.is_staff:
        timeline = run_in_unit_of_work(lambda session: read_timeline(session, transaction))
        shown["entries"] = [render_posting(entry) for entry in list_entries_of(transaction_id)]
        shown["assessment"] = None
        shown["timeline"] = [render_event(event) for event in timeline]
    return reply(shown)


@endpoint(
    transactions,
    "POST",
    "/<uuid:transaction_id>/reversal",
    tag="Transactions",
    body=ReversalIn,
    body_optional=True,
    answers={201: TransactionOut},
    errors=(403, 409, 422),
    headers=("Idempotency-Key",),
)
def reverse(caller: Caller, transaction_id: UUID) -> Response:
    """Take a whole transaction back, once: the recipient a transfer, operations also a top-up or withdrawal."""
    require_reversal_rights(caller, get_transaction_for(caller, transaction_id))
    accounts = run_in_unit_of_work(lambda session: read_reversal_accounts(session, transaction_id))
    key = read_idempotency_key()
    body = read_body(ReversalIn, optional=True)
    return move_money(caller, Reversal(original_id=transaction_id, accounts=accounts, reason=body.reason), key)
