"""Keys on their way through the pipeline: claimed in its step 1, and in step 5 given their answers or freed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from wallet_app import clock
from wallet_app.errors import IdempotencyKeyReused, Problem
from wallet_app.transactions.idempotency import KeyName, StoredAnswer, claim_keys, is_kept
from wallet_app.transactions.moves import Refused
from wallet_app.transactions.orders import Order, Render, Replayed, Result, Whole

Row = dict[str, object]


class AnsweredBefore(Exception):
    """The key of the whole list was used before, for this very list. The rollback frees what else was claimed."""

    def __init__(self, answer: StoredAnswer) -> None:
        self.answer = answer
        super().__init__(answer.status)


@dataclass(slots=True)
class Plan:
    """Which moves are to be made now, which share another's result, and the results so far, all by index."""

    fresh: list[int] = field(default_factory=list)
    twins: dict[int, int] = field(default_factory=dict)
    results: dict[int, Result] = field(default_factory=dict)

    def list_results(self) -> list[Result]:
        count = len(self.results) + len(self.twins)
        return [self.results[self.twins.get(index, index)] for index in range(count)]


def claim(connection: Connection, orders: Sequence[Order], whole: Whole | None) -> Plan:
    """Claim the keys of a list and of its moves together. Equal keys of moves are claimed once and share one result.

    Raises:
        AnsweredBefore: the list as a whole was answered before.
        IdempotencyKeyReused: its key was used for another request.
        IdempotencyInProgress: another request with one of the keys is still running.
    """
    plan = Plan()
    first_use: dict[KeyName, int] = {}
    fingerprints = whole.claims if whole is not None else {}
    whole_names = frozenset(fingerprints)
    for index, order in enumerate(orders):
        name = order.key_name
        if name is None or order.key is None:
            plan.fresh.append(index)
        elif name not in fingerprints:
            plan.fresh.append(index)
            first_use[name] = index
            fingerprints[name] = order.key.fingerprint
        elif name in first_use and order.key.fingerprint == fingerprints[name]:
            plan.twins[index] = first_use[name]
        else:
            plan.results[index] = _refuse(IdempotencyKeyReused(), order.render)
    known = claim_keys(connection, fingerprints, clock.now()) if fingerprints else {}
    for name in whole_names & known.keys():
        _raise_known(known[name])
    plan.results |= {first_use[name]: _recall(answer, orders[first_use[name]]) for name, answer in known.items()}
    plan.fresh = [index for index in plan.fresh if index not in plan.results]
    return plan


def _raise_known(answer: StoredAnswer | IdempotencyKeyReused) -> None:
    raise AnsweredBefore(answer) if isinstance(answer, StoredAnswer) else answer


def _recall(answer: StoredAnswer | IdempotencyKeyReused, order: Order) -> Result:
    return Result(Replayed(), answer) if isinstance(answer, StoredAnswer) else _refuse(answer, order.render)


def _refuse(problem: Problem, render: Render) -> Result:
    refused = Refused(problem)
    return Result(refused, render(refused))


def sort_answers(answers: Mapping[KeyName, StoredAnswer | None]) -> tuple[list[Row], list[Row]]:
    """The answers to store, and the keys to free: those without an answer, and those of a refusal that is not kept."""
    stored: list[Row] = []
    freed: list[Row] = []
    for (caller_id, key), answer in answers.items():
        row: Row = {"caller_id": str(caller_id), "key": key}
        if answer is not None and is_kept(answer):
            stored.append({**row, "status": answer.status, "body": answer.body})
        else:
            freed.append(row)
    return stored, freed
