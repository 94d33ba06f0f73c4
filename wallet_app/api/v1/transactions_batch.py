"""Many money moves in one request."""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus

import orjson
from flask import Blueprint, Response, current_app, request

from wallet_app.api.answers import render_problem, to_json
from wallet_app.api.body import read_body, read_idempotency_key, validate
from wallet_app.api.endpoint import endpoint
from wallet_app.api.v1.transactions import make_move, render_answer, reply_stored
from wallet_app.api.v1.transactions_batch_schema import BatchIn, BatchItemIn, BatchOut
from wallet_app.api.v1.transactions_schema import MoveIn, TransactionIn
from wallet_app.errors import BatchRefused, ValidationFailed
from wallet_app.identity.caller import Caller
from wallet_app.transactions.idempotency import IdempotencyKey, StoredAnswer, make_key
from wallet_app.transactions.moves import Faulty
from wallet_app.transactions.pipeline import MoveRequest, Result, Whole, execute_whole

BODY_LIMIT = 4 * 1024 * 1024

batches = Blueprint("batches", __name__, url_prefix="/api/v1/transactions")


@endpoint(
    batches,
    "POST",
    "/batch",
    tag="Transactions",
    body=BatchIn,
    body_limit=BODY_LIMIT,
    answers={200: BatchOut},
    errors=(403, 409, 422),
    headers=("Idempotency-Key",),
)
def create_batch(caller: Caller) -> Response:
    """Move money many times at once: 1 to 1,000 bodies of `POST /transactions`, each with its own `idempotency_key`.

    `results` has one entry an item, in order: its `transaction` or its `error`, with the status it would have had
    alone. Independent items stand each for itself. Atomic ones are made together or not at all: one refusal answers
    422 `BATCH_REFUSED`, writes nothing and leaves the items' keys free. The header `Idempotency-Key` covers the batch
    as a whole. An item replays in any other batch; under a key used on another address it is 422. At most 4 MiB.
    """
    caller.require_writing()
    key = read_idempotency_key()
    body = read_body(BatchIn)
    done = execute_whole(
        Whole(caller, key, partial(_render_batch, caller, request.path)),
        [_read_item(caller, item) for item in body.items],
        policy=current_app.extensions["wallet_policy"],
        render=partial(render_answer, caller, request.path),
        atomic=body.mode == "atomic",
    )
    return reply_stored(done.answer, is_replayed=done.is_replayed)


def _read_item(caller: Caller, item: BatchItemIn) -> MoveRequest:
    """The move of an item, judged as a body of its own. A faulty one never uses its key, as a 400 never does."""
    try:
        body = validate(TransactionIn, item.model_extra or {}).root
        return MoveRequest(make_move(caller, body), _make_item_key(item.idempotency_key, body))
    except ValidationFailed as fault:
        return MoveRequest(Faulty(fault))


def _make_item_key(key: str, body: MoveIn) -> IdempotencyKey:
    """An item's fingerprint is what it asks for here, however it is spelt and whichever batch it comes in."""
    asked = {name: getattr(body, name) for name in body.model_fields_set}
    return make_key(key, b"POST", request.path.encode(), b"item", orjson.dumps(asked, option=orjson.OPT_SORT_KEYS))


def _render_batch(caller: Caller, path: str, outcome: Sequence[Result] | BatchRefused) -> StoredAnswer:
    if isinstance(outcome, BatchRefused):
        return StoredAnswer(outcome.status, to_json(render_problem(outcome, path, caller.request_id)).decode())
    results = [_show_result(index, result.answer) for index, result in enumerate(outcome)]
    return StoredAnswer(200, to_json({"results": results}).decode())


def _show_result(index: int, answer: StoredAnswer) -> dict[str, object]:
    member = "error" if answer.status >= HTTPStatus.BAD_REQUEST else "transaction"
    return {"index": index, "status": answer.status, member: orjson.Fragment(answer.body)}
