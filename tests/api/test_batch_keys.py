"""A batch and its keys: each item under its own, the whole under the header's; and batches that race."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.batches import MODES, count_transfers, expect_refused_batch, item, list_errors, list_statuses, send
from tests.api.calling import NOWHERE, expect_faulty_fields, expect_problem, pay
from tests.people import Person

MakePerson = Callable[..., Person]


@pytest.fixture
def ana(make_customer: MakePerson) -> Person:
    return make_customer(balance="100")


@pytest.fixture
def bo(make_customer: MakePerson) -> Person:
    return make_customer()


# --- the items' keys


def test_equal_keys_inside_one_batch(ana: Person, bo: Person) -> None:
    items = [item(bo, "k"), item(bo, "l", "1"), item(bo, "k"), item(bo, "k", "11"), item(bo, "k", "500")]
    answer = send(ana, "independent", items)
    assert list_statuses(answer) == [201, 201, 201, 422, 422]
    assert list_errors(answer)[3:] == ["IDEMPOTENCY_KEY_REUSED"] * 2
    results = answer.json["results"]
    assert results[0]["transaction"] == results[2]["transaction"] != results[1]["transaction"]
    assert bo.read_balance() == "11.00"


def test_equal_keys_inside_an_atomic_batch(ana: Person, bo: Person) -> None:
    expect_refused_batch(send(ana, "atomic", [item(bo, "k"), item(bo, "k", "11")]), 1, "IDEMPOTENCY_KEY_REUSED")
    assert (bo.read_balance(), count_transfers(ana)) == ("0.00", 0)
    answer = send(ana, "atomic", [item(bo, "k"), item(bo, "k")])
    assert list_statuses(answer) == [201, 201]
    assert bo.read_balance() == "10.00"


def test_an_item_replays_in_any_other_batch(ana: Person, bo: Person) -> None:
    """However it is spelt and whatever stands beside it."""
    first = send(ana, "independent", [item(bo, "k", "10", metadata={"a": 1, "b": 2}), item(bo, "poor", "500")])
    assert list_statuses(first) == [201, 422]
    kept = [result.get("transaction") or result["error"] for result in first.json["results"]]
    respelt = dict(reversed(item(bo, "k", 10, metadata={"b": 2, "a": 1}).items()))
    again = send(ana, "independent", [item(bo, "l", "1"), item(bo, "poor", "500"), respelt])
    assert list_statuses(again) == [201, 422, 201]
    assert (again.json["results"][2]["transaction"], again.json["results"][1]["error"]) == tuple(kept)
    assert list_statuses(send(ana, "atomic", [respelt, item(bo, "m", "1")])) == [201, 201]
    assert (bo.read_balance(), count_transfers(ana)) == ("12.00", 3)


@pytest.mark.parametrize(
    "change", [{"amount": "11"}, {"metadata": {"a": "1"}}, {"metadata": {}}, {"description": "x"}, {"type": "top_up"}]
)
def test_an_item_key_with_another_item_is_refused(ana: Person, bo: Person, change: dict[str, Any]) -> None:
    list_statuses(send(ana, "independent", [item(bo, "k", metadata={"a": 1})]))
    other = item(bo, "k", **{"metadata": {"a": 1}, **change})
    if other["type"] == "top_up":
        other["account_id"] = other.pop("destination_account_id")
    answer = send(ana, "independent", [other, item(bo, "l", "1")])
    assert list_errors(answer) == ["IDEMPOTENCY_KEY_REUSED", None]
    expect_refused_batch(send(ana, "atomic", [item(bo, "m"), other]), 1, "IDEMPOTENCY_KEY_REUSED")
    assert bo.read_balance() == "11.00"


def test_keys_are_one_space_with_those_of_single_moves(ana: Person, bo: Person) -> None:
    """A key used on one address is taken on the other, in both directions: the fingerprint has the address."""
    single = {name: value for name, value in item(bo, "").items() if name != "idempotency_key"}
    assert ana.post("/transactions", single, key="k").status_code == 201
    assert list_errors(send(ana, "independent", [item(bo, "k")])) == ["IDEMPOTENCY_KEY_REUSED"]
    assert list_statuses(send(ana, "independent", [item(bo, "l")])) == [201]
    expect_problem(ana.post("/transactions", single, key="l"), 422, "IDEMPOTENCY_KEY_REUSED")
    assert bo.read_balance() == "20.00"


def test_keys_belong_to_their_caller(ana: Person, bo: Person, make_customer: MakePerson) -> None:
    cy = make_customer(balance="100")
    for person in (ana, cy):
        assert list_statuses(send(person, "atomic", [item(bo, "same")], key="whole")) == [201]
    assert bo.read_balance() == "20.00"


# --- the key of the whole


@pytest.mark.parametrize("mode", MODES)
def test_the_header_replays_the_whole(ana: Person, bo: Person, mode: str) -> None:
    first = send(ana, mode, [item(bo, "a"), item(bo, "b")], key="whole")
    assert list_statuses(first) == [201, 201]
    again = send(ana, mode, [item(bo, "a"), item(bo, "b")], key="whole")
    assert (again.status_code, again.data, again.mimetype) == (200, first.data, "application/json")
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert bo.read_balance() == "20.00"


def test_the_header_keeps_what_the_items_would_not(ana: Person, bo: Person, make_customer: MakePerson) -> None:
    """Alone a 404 and a 400 are not kept; as part of a batch that is kept they are."""
    items = [item(bo, "a", destination_account_id=NOWHERE), item(bo, "b", "0"), item(bo, "c", "500")]
    first = send(ana, "independent", items, key="whole")
    assert list_statuses(first) == [404, 400, 422]
    assert send(ana, "independent", items, key="whole").data == first.data
    assert list_statuses(send(ana, "independent", [item(bo, "a", "1"), item(bo, "b", "1")])) == [201, 201]
    assert list_errors(send(ana, "independent", [item(bo, "c", "1")])) == ["IDEMPOTENCY_KEY_REUSED"]
    assert bo.read_balance() == "2.00"


@pytest.mark.parametrize("bad", ["500", "0"])
def test_the_header_keeps_the_refusal_of_an_atomic_batch(ana: Person, bo: Person, bad: str) -> None:
    items = [item(bo, "a"), item(bo, "b", bad)]
    first = send(ana, "atomic", items, key="whole")
    expect_problem(first, 422, "BATCH_REFUSED")
    again = send(ana, "atomic", items, key="whole")
    assert (again.status_code, again.data, again.headers["Idempotency-Replayed"]) == (422, first.data, "true")
    assert again.mimetype == "application/problem+json"
    assert (bo.read_balance(), count_transfers(ana)) == ("0.00", 0)
    assert list_statuses(send(ana, "atomic", [item(bo, "a", "1"), item(bo, "b", "2")], key="next")) == [201, 201]


def test_the_header_with_another_body_is_refused(ana: Person, bo: Person) -> None:
    first = send(ana, "independent", [item(bo, "a")], key="whole")
    for mode, items in (("atomic", [item(bo, "a")]), ("independent", [item(bo, "b")])):
        expect_problem(send(ana, mode, items, key="whole"), 422, "IDEMPOTENCY_KEY_REUSED")
    assert send(ana, "independent", [item(bo, "a")], key="whole").data == first.data
    assert list_statuses(send(ana, "independent", [item(bo, "b", "1")])) == [201]
    assert bo.read_balance() == "11.00"


def test_a_faulty_envelope_leaves_the_header_free(ana: Person, bo: Person) -> None:
    expect_faulty_fields(send(ana, "both", [item(bo, "a")], key="whole"), "mode")
    assert list_statuses(send(ana, "atomic", [item(bo, "a")], key="whole")) == [201]
    expect_problem(send(ana, "atomic", [item(bo, "b")], key="a" * 256), 400, "INVALID_IDEMPOTENCY_KEY")


def test_header_and_item_can_not_share_a_key(ana: Person, bo: Person) -> None:
    assert list_errors(send(ana, "independent", [item(bo, "k"), item(bo, "l")], key="k")) == [
        "IDEMPOTENCY_KEY_REUSED",
        None,
    ]
    assert bo.read_balance() == "10.00"


# --- races


@pytest.mark.parametrize("key", ["whole", None])
@pytest.mark.parametrize("mode", MODES)
def test_identical_batches_at_once_have_one_effect(ana: Person, bo: Person, mode: str, key: str | None) -> None:
    items = [item(bo, f"k-{number}", "1") for number in range(20)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: send(ana, mode, items, key=key), range(6)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.data for answer in answers if answer.status_code == 200}) == 1
    for answer in answers:
        if answer.status_code == 409:
            expect_problem(answer, 409, "IDEMPOTENCY_IN_PROGRESS")
    assert (bo.read_balance(), count_transfers(ana)) == ("20.00", 20)


def test_batches_and_single_moves_race_for_one_balance(ana: Person, bo: Person, make_customer: MakePerson) -> None:
    """Items in opposite orders, both ways between two accounts: nobody is spent twice, nobody waits for ever."""
    cy = make_customer(balance="100")

    def batch(number: int) -> list[int]:
        sender, other = (ana, cy) if number % 2 else (cy, ana)
        items = [item(other, f"{number}-{one}", "10") for one in range(5)]
        return list_statuses(send(sender, "independent", items[:: 1 if number % 3 else -1], key=f"w{number}"))

    with ThreadPoolExecutor(8) as pool:
        batches = [pool.submit(batch, number) for number in range(6)]
        singles = [pool.submit(pay, person, bo, "30") for person in (ana, cy) * 4]
        assert {status for one in batches for status in one.result()} <= {201, 422}
        paid = sum(one.result().status_code == 201 for one in singles)
    balances = [float(person.read_balance()) for person in (ana, cy, bo)]
    assert min(balances) >= 0
    assert (sum(balances), balances[2]) == (200, 30 * paid)
