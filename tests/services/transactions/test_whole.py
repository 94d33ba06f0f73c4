"""A list that is one request itself: its key and those of its moves are claimed, answered and freed together."""

import json
from collections.abc import Sequence

import pytest

from tests.moves import SANDBOX, keyed, render, run, transfer
from tests.services.transactions.conftest import World
from wallet_app.errors import BatchRefused, IdempotencyKeyReused
from wallet_app.transactions.idempotency import IdempotencyKey, StoredAnswer
from wallet_app.transactions.pipeline import MoveRequest, Result, Whole, WholeAnswer, execute_whole


def render_whole(outcome: Sequence[Result] | BatchRefused) -> StoredAnswer:
    if isinstance(outcome, BatchRefused):
        return StoredAnswer(outcome.status, json.dumps(outcome.details))
    return StoredAnswer(200, json.dumps([result.answer.status for result in outcome]))


def send(world: World, key: str, amount: str = "10") -> MoveRequest:
    return keyed(transfer(world.ana.account_id, world.bo.account_id, amount), key, amount)


def run_whole(
    world: World, requests: Sequence[MoveRequest], key: str | None = "w", body: str = "", *, atomic: bool = False
) -> WholeAnswer:
    whole = Whole(world.ana.caller, IdempotencyKey(key, body) if key else None, render_whole)
    return execute_whole(whole, requests, policy=SANDBOX, render=render, atomic=atomic)


def test_the_whole_is_kept_beside_its_moves_and_replays(world: World) -> None:
    requests = [send(world, "a"), send(world, "b", "500"), send(world, "c")]
    first = run_whole(world, requests)
    assert first == WholeAnswer(StoredAnswer(200, "[201, 422, 201]"))
    assert world.list_keys(world.ana) == {"w": 200, "a": 201, "b": 422, "c": 201}
    before = world.take_stock()
    assert run_whole(world, requests) == WholeAnswer(first.answer, is_replayed=True)
    assert world.take_stock() == before


def test_a_replay_claims_nothing(world: World) -> None:
    """A move whose key was freed does not get it claimed for good by a replay."""
    requests = [keyed(transfer(world.bo.account_id, world.ana.account_id, "1"), "lost"), send(world, "a")]
    assert run_whole(world, requests).answer.body == "[404, 201]"
    for _ in range(2):
        assert run_whole(world, requests).is_replayed
    assert world.list_keys(world.ana) == {"w": 200, "a": 201}


def test_a_refused_atomic_list_keeps_only_its_own_answer(world: World) -> None:
    requests = [send(world, "a"), send(world, "b", "500"), send(world, "c", "600")]
    before = world.take_stock()
    first = run_whole(world, requests, atomic=True)
    assert (first.answer.status, json.loads(first.answer.body)["index"]) == (422, 1)
    assert world.list_keys(world.ana) == {"w": 422}
    assert run_whole(world, requests, atomic=True) == WholeAnswer(first.answer, is_replayed=True)
    assert world.take_stock() == before
    assert run_whole(world, [send(world, "a", "1")], "v", atomic=True).answer.status == 200


def test_without_a_key_a_refused_atomic_list_leaves_nothing(world: World) -> None:
    before = world.take_stock()
    assert run_whole(world, [send(world, "a"), send(world, "b", "500")], None, atomic=True).answer.status == 422
    assert world.list_keys(world.ana) == {}
    assert world.take_stock() == before


def test_the_key_of_another_request_refuses_the_whole(world: World) -> None:
    run_whole(world, [send(world, "a")])
    before = world.take_stock()
    with pytest.raises(IdempotencyKeyReused):
        run_whole(world, [send(world, "b")], body="another")
    assert world.list_keys(world.ana) == {"w": 200, "a": 201}
    assert world.take_stock() == before


def test_a_move_cannot_share_the_key_of_its_list(world: World) -> None:
    answer = run_whole(world, [send(world, "w"), send(world, "a")], body="10").answer
    assert answer.body == "[422, 201]"
    assert world.list_keys(world.ana) == {"w": 200, "a": 201}


def test_the_first_refusal_in_the_list_is_the_one_told(world: World) -> None:
    """Also where a later one was known before anything was decided."""
    run(world.ana.caller, [send(world, "known", "500")])
    answer = run_whole(world, [send(world, "a", "600"), send(world, "known", "500")], atomic=True).answer
    assert json.loads(answer.body)["index"] == 0
