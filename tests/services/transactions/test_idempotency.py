"""One key, one effect: replays answer the stored bytes, and what is not kept frees its key."""

import json

import pytest

from tests.moves import keyed, make, reversal, run, top_up, transfer, withdrawal
from tests.services.transactions.conftest import World
from wallet_app.errors import BatchRefused, InvalidIdempotencyKey
from wallet_app.transactions.idempotency import IdempotencyKey, make_key
from wallet_app.transactions.moves import Refused
from wallet_app.transactions.pipeline import Moved, MoveRequest, Replayed, Result


def describe(results: list[Result]) -> list[tuple[str, int]]:
    return [(type(result.outcome).__name__, result.answer.status) for result in results]


def send(world: World, key: str, amount: str = "10", body: str = "") -> MoveRequest:
    return keyed(transfer(world.ana.account_id, world.bo.account_id, amount), key, body or amount)


def test_a_replay_answers_the_same_and_moves_nothing(world: World) -> None:
    (first,) = run(world.ana.caller, [send(world, "k")])
    before = world.take_stock()
    for _ in range(3):
        (again,) = run(world.ana.caller, [send(world, "k")])
        assert isinstance(again.outcome, Replayed)
        assert again.answer == first.answer
    assert world.take_stock() == before
    assert world.read_balances() == ("90.00", "10.00")


def test_a_key_with_another_body_is_refused_and_the_answer_stays(world: World) -> None:
    (first,) = run(world.ana.caller, [send(world, "k")])
    before = world.take_stock()
    (other,) = run(world.ana.caller, [send(world, "k", "11")])
    assert isinstance(other.outcome, Refused)
    assert (other.outcome.problem.code, other.answer.status) == ("IDEMPOTENCY_KEY_REUSED", 422)
    assert world.take_stock() == before
    (again,) = run(world.ana.caller, [send(world, "k")])
    assert again.answer == first.answer


def test_a_key_belongs_to_its_caller(world: World) -> None:
    """Bo's request with Ana's key is Bo's own: it neither replays hers nor learns of it."""
    run(world.ana.caller, [send(world, "k", "10")])
    (own,) = run(world.bo.caller, [keyed(transfer(world.bo.account_id, world.ana.account_id, "4"), "k", "10")])
    assert isinstance(own.outcome, Moved)
    assert world.read_balances() == ("94.00", "6.00")


def test_refusals_of_the_pipeline_are_kept(world: World) -> None:
    """The refusal stays the answer, though by now there would be money enough."""
    (first,) = run(world.ana.caller, [send(world, "k", "150")])
    assert first.answer.status == 422
    make(world.ana.caller, top_up(world.ana.account_id, "100"))
    before = world.take_stock()
    (again,) = run(world.ana.caller, [send(world, "k", "150")])
    assert isinstance(again.outcome, Replayed)
    assert again.answer == first.answer
    assert world.take_stock() == before


def test_conflicts_are_kept(world: World) -> None:
    sent = make(world.ana.caller, transfer(world.ana.account_id, world.bo.account_id, "10"))
    make(world.bo.caller, reversal(sent))
    for _ in range(2):
        (result,) = run(world.bo.caller, [keyed(reversal(sent), "k")])
        assert (result.answer.status, json.loads(result.answer.body)) == (409, {"code": "ALREADY_REVERSED"})
    assert world.list_keys(world.bo) == {"k": 409}


def test_not_found_and_forbidden_are_not_kept(world: World) -> None:
    """The key may be used again, even for another request."""
    stranger = transfer(world.bo.account_id, world.ana.account_id, "1")
    not_found = run(world.ana.caller, [keyed(stranger, "k", "a")])
    forbidden = run(world.ana.caller, [keyed(reversal(make_transfer(world)), "l", "a")])
    assert describe(not_found + forbidden) == [("Refused", 404), ("Refused", 403)]
    assert world.list_keys(world.ana) == {}
    again = run(world.ana.caller, [send(world, "k"), send(world, "l")])
    assert describe(again) == [("Moved", 201), ("Moved", 201)]


def make_transfer(world: World):  # type: ignore[no-untyped-def]
    return make(world.ana.caller, transfer(world.ana.account_id, world.bo.account_id, "1"))


def test_equal_keys_in_one_list_make_one_move(world: World) -> None:
    results = run(world.ana.caller, [send(world, "k"), send(world, "l"), send(world, "k"), send(world, "k", "11")])
    assert describe(results) == [("Moved", 201), ("Moved", 201), ("Moved", 201), ("Refused", 422)]
    assert results[0].answer == results[2].answer != results[1].answer
    assert json.loads(results[3].answer.body) == {"code": "IDEMPOTENCY_KEY_REUSED"}
    assert world.read_balances() == ("80.00", "20.00")
    assert world.list_keys(world.ana) == {"k": 201, "l": 201}


def test_a_list_mixes_replays_and_new_moves(world: World) -> None:
    (first,) = run(world.ana.caller, [send(world, "k")])
    results = run(world.ana.caller, [send(world, "l"), send(world, "k"), send(world, "m", "200"), send(world, "n")])
    assert describe(results) == [("Moved", 201), ("Replayed", 201), ("Refused", 422), ("Moved", 201)]
    assert results[1].answer == first.answer
    assert world.read_balances() == ("70.00", "30.00")
    assert world.list_keys(world.ana) == {"k": 201, "l": 201, "m": 422, "n": 201}


def test_an_independent_list_keeps_each_refusal_under_its_own_key(world: World) -> None:
    requests = [
        send(world, "a", "150"),
        send(world, "b", "60"),
        keyed(withdrawal(world.bo.account_id, "1"), "c"),
        send(world, "d", "50"),
        send(world, "e", "40"),
    ]
    results = run(world.ana.caller, requests)
    assert [result.answer.status for result in results] == [422, 201, 404, 422, 201]
    assert world.read_balances() == ("0.00", "100.00")
    assert world.list_keys(world.ana) == {"a": 422, "b": 201, "d": 422, "e": 201}


def test_a_refused_atomic_list_frees_all_its_keys(world: World) -> None:
    requests = [send(world, "a"), send(world, "b", "150")]
    before = world.take_stock()
    with pytest.raises(BatchRefused):
        run(world.ana.caller, requests, atomic=True)
    assert world.list_keys(world.ana) == {}
    assert world.take_stock() == before
    assert describe(run(world.ana.caller, [send(world, "a", "1")])) == [("Moved", 201)]


def test_an_atomic_list_that_was_made_replays_item_by_item(world: World) -> None:
    requests = [send(world, "a"), send(world, "b", "20")]
    first = run(world.ana.caller, requests, atomic=True)
    again = run(world.ana.caller, requests, atomic=True)
    assert describe(again) == [("Replayed", 201), ("Replayed", 201)]
    assert [result.answer for result in again] == [result.answer for result in first]
    assert world.read_balances() == ("70.00", "30.00")


def test_an_atomic_list_with_a_reused_key_is_refused(world: World) -> None:
    """A key with another body is a refusal like any other: nothing of the list may be written."""
    run(world.ana.caller, [send(world, "a")])
    before = world.take_stock()
    with pytest.raises(BatchRefused) as refused:
        run(world.ana.caller, [send(world, "b"), send(world, "a", "11")], atomic=True)
    assert refused.value.details["index"] == 1
    assert world.take_stock() == before
    assert world.list_keys(world.ana) == {"a": 201}


def test_an_atomic_list_with_two_bodies_under_one_key_is_refused(world: World) -> None:
    before = world.take_stock()
    with pytest.raises(BatchRefused) as refused:
        run(world.ana.caller, [send(world, "a"), send(world, "a", "11")], atomic=True)
    assert refused.value.details["index"] == 1
    assert world.take_stock() == before
    assert world.list_keys(world.ana) == {}


def test_an_atomic_list_with_a_replayed_refusal_is_refused(world: World) -> None:
    """What was refused under its key stays refused, and so is the list it is in."""
    run(world.ana.caller, [send(world, "a", "150")])
    before = world.take_stock()
    with pytest.raises(BatchRefused):
        run(world.ana.caller, [send(world, "b"), send(world, "a", "150")], atomic=True)
    assert world.take_stock() == before


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "\x7f", "ключ", "a\x00"])
def test_a_key_is_1_to_255_printable_ascii_characters(key: str) -> None:
    with pytest.raises(InvalidIdempotencyKey):
        make_key(key, b"POST")


def test_a_fingerprint_tells_where_the_parts_of_a_request_end() -> None:
    keys = [make_key("k", *parts) for parts in ((b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"ab", b"c", b""))]
    assert len(set(keys)) == 4
    assert make_key("k", b"ab", b"c") == keys[0]
    assert isinstance(make_key("~" * 255, b""), IdempotencyKey)
