"""Many moves in one request: atomic or independent, what an item and a batch may be, and who may send one."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.api.batches import (
    BODY_LIMIT,
    MODES,
    PATH,
    count_transfers,
    expect_refused_batch,
    item,
    list_errors,
    list_statuses,
    send,
)
from tests.api.calling import NOWHERE, expect_faulty_fields, expect_problem
from tests.api.evidence import list_events
from tests.people import Person
from wallet_app.api.openapi import build_document
from wallet_app.identity.permissions import Role

MakePerson = Callable[..., Person]


@pytest.fixture
def ana(make_customer: MakePerson) -> Person:
    return make_customer(balance="100")


@pytest.fixture
def bo(make_customer: MakePerson) -> Person:
    return make_customer()


# --- what it does


@pytest.mark.parametrize("mode", MODES)
def test_every_kind_of_move(ana: Person, bo: Person, mode: str) -> None:
    account = {"account_id": str(ana.account_id), "currency": "USD"}
    items = [
        item(bo, "a", "25.5", description="Dinner", metadata={"n": 1}),
        {"idempotency_key": "b", "type": "top_up", "amount": "5", **account},
        {"idempotency_key": "c", "type": "withdrawal", "amount": 4, **account},
    ]
    answer = send(ana, mode, items)
    assert list_statuses(answer) == [201, 201, 201]
    made = [result["transaction"] for result in answer.json["results"]]
    assert [(one["type"], one["amount"]) for one in made] == [
        ("transfer", "25.50"),
        ("top_up", "5.00"),
        ("withdrawal", "4.00"),
    ]
    for one in made:
        assert ana.get(f"/transactions/{one['id']}").json == one
    assert (ana.read_balance(), bo.read_balance()) == ("75.50", "25.50")
    assert "Idempotency-Replayed" not in answer.headers


@pytest.mark.parametrize("mode", MODES)
def test_each_item_sees_the_effect_of_those_before_it(ana: Person, bo: Person, mode: str) -> None:
    top_up = {"type": "top_up", "account_id": str(bo.account_id), "amount": "60", "currency": "USD"}
    assert list_statuses(send(bo, mode, [{"idempotency_key": "in", **top_up}, item(ana, "out", "60")])) == [201, 201]
    assert (ana.read_balance(), bo.read_balance()) == ("160.00", "0.00")


def test_an_independent_refusal_is_its_items_alone(ana: Person, bo: Person, make_customer: MakePerson) -> None:
    stranger = str(make_customer(balance="50").account_id)
    items = [
        item(bo, "a", "60"),
        item(bo, "b", "50"),
        item(bo, "c", "1", destination_account_id=NOWHERE),
        item(bo, "d", "1", source_account_id=stranger),
        item(bo, "e", "40"),
    ]
    answer = send(ana, "independent", items)
    assert list_statuses(answer) == [201, 422, 404, 404, 201]
    assert list_errors(answer) == [None, "INSUFFICIENT_FUNDS", "NOT_FOUND", "NOT_FOUND", None]
    error = answer.json["results"][1]["error"]
    assert error["details"] == {"available": "40.00", "required": "50.00", "currency": "USD"}
    assert error["request_id"] == answer.headers["X-Request-Id"]
    assert (ana.read_balance(), bo.read_balance(), count_transfers(ana)) == ("0.00", "100.00", 2)


def test_an_atomic_refusal_writes_nothing_and_frees_the_keys(ana: Person, bo: Person) -> None:
    items = [item(bo, "a", "60"), item(bo, "b", "50"), item(bo, "c", "1")]
    for _ in range(2):
        error = expect_refused_batch(send(ana, "atomic", items), 1, "INSUFFICIENT_FUNDS")
        assert error["details"]["available"] == "40.00"
        assert (ana.read_balance(), bo.read_balance(), count_transfers(ana)) == ("100.00", "0.00", 0)
    other = [item(bo, "a", "1"), item(bo, "b", "2"), item(bo, "c", "3")]
    assert list_statuses(send(ana, "atomic", other)) == [201, 201, 201]
    assert bo.read_balance() == "6.00"


def test_an_atomic_batch_is_refused_for_what_is_not_found_too(ana: Person, bo: Person) -> None:
    items = [item(bo, "a"), item(bo, "b", destination_account_id=NOWHERE)]
    error = expect_refused_batch(send(ana, "atomic", items), 1, "NOT_FOUND")
    assert error["status"] == 404
    assert (bo.read_balance(), count_transfers(ana)) == ("0.00", 0)


# --- items that are no move


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"amount": "-1"}, "INVALID_AMOUNT", "amount"),
    ({"amount": "1.005"}, "INVALID_AMOUNT", "amount"),
    ({"amount": None}, "INVALID_AMOUNT", "amount"),
    ({"currency": "usd"}, "VALIDATION_ERROR", "currency"),
    ({"type": "gift"}, "VALIDATION_ERROR", "type"),
    ({"colour": "red"}, "VALIDATION_ERROR", "colour"),
    ({"destination_account_id": "7"}, "VALIDATION_ERROR", "destination_account_id"),
    ({"metadata": {"a": {"b": 1}}}, "VALIDATION_ERROR", "metadata"),
    ({"to_user_email": "bo@wallet.example"}, "VALIDATION_ERROR", "body"),
]


@pytest.mark.parametrize(("fault", "code", "field"), FAULTS)
def test_a_faulty_item(ana: Person, bo: Person, fault: dict[str, Any], code: str, field: str) -> None:
    items = [item(bo, "a", "1"), {**item(bo, "b", "2"), **fault}, item(bo, "c", "4")]
    error = expect_refused_batch(send(ana, "atomic", items), 1, code)
    assert (error["status"], set(error["details"]["fields"])) == (400, {field})
    assert (ana.read_balance(), bo.read_balance()) == ("100.00", "0.00")
    answer = send(ana, "independent", items)
    assert list_statuses(answer) == [201, 400, 201]
    assert answer.json["results"][1]["error"]["details"] == error["details"]
    assert (ana.read_balance(), bo.read_balance()) == ("95.00", "5.00")
    assert list_statuses(send(ana, "independent", [item(bo, "b", "8")])) == [201], "a 400 leaves the key free"


def test_the_first_faulty_item_is_told(ana: Person, bo: Person) -> None:
    items = [item(bo, "a", "1"), item(bo, "b", "500"), item(bo, "c", "0"), item(bo, "d", "x")]
    expect_refused_batch(send(ana, "atomic", items), 1, "INSUFFICIENT_FUNDS")
    expect_refused_batch(send(ana, "atomic", [items[0], *items[:1:-1]]), 1, "INVALID_AMOUNT")


# --- the envelope


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"mode", "items"}),
        ({"mode": "atomic"}, {"items"}),
        ({"items": [{"idempotency_key": "a"}]}, {"mode"}),
        ({"mode": "Atomic", "items": [{"idempotency_key": "a"}]}, {"mode"}),
        ({"mode": None, "items": [{"idempotency_key": "a"}]}, {"mode"}),
        ({"mode": "atomic", "items": []}, {"items"}),
        ({"mode": "atomic", "items": None}, {"items"}),
        ({"mode": "atomic", "items": {"0": {}}}, {"items"}),
        ({"mode": "atomic", "items": "ab"}, {"items"}),
        ({"mode": "atomic", "items": [{"idempotency_key": "a"}], "colour": "red"}, {"colour"}),
        ({"mode": "atomic", "items": [{"idempotency_key": "a"}, 7, None, []]}, {"items.1", "items.2", "items.3"}),
        ({"mode": "independent", "items": [{"idempotency_key": "a"}, {}]}, {"items.1.idempotency_key"}),
    ],
)
def test_a_faulty_envelope(ana: Person, body: dict[str, Any], fields: set[str]) -> None:
    expect_faulty_fields(ana.post(PATH, body), *fields)


@pytest.mark.parametrize("key", [None, "", 7, True, [], {}, "a" * 256, "a\tb", "clé", "a\n", "\x7f"])
@pytest.mark.parametrize("mode", MODES)
def test_every_item_needs_a_key(ana: Person, bo: Person, mode: str, key: Any) -> None:
    keyless = {name: value for name, value in item(bo, "x").items() if name != "idempotency_key"}
    expect_faulty_fields(send(ana, mode, [item(bo, "a"), keyless]), "items.1.idempotency_key")
    expect_faulty_fields(
        send(ana, mode, [item(bo, "a"), {**keyless, "idempotency_key": key}]), "items.1.idempotency_key"
    )
    assert (bo.read_balance(), count_transfers(ana)) == ("0.00", 0)


@pytest.mark.parametrize("key", ["a" * 255, " inner space ok ", "~!\"'{}"])
def test_printable_ascii_is_a_key(ana: Person, bo: Person, key: str) -> None:
    first = send(ana, "independent", [item(bo, key)])
    assert list_statuses(first) == [201]
    assert send(ana, "independent", [item(bo, key)]).data == first.data
    assert bo.read_balance() == "10.00"


def test_a_body_is_strict_json(ana: Person, bo: Person) -> None:
    text = json.dumps({"mode": "atomic", "items": [item(bo, "a")]})
    for faulty in (
        text.replace('"10"', "NaN"),
        text.replace('"type"', '"amount": "1", "type"'),
        f"[{text}]",
        text[:-1],
    ):
        expect_problem(ana.post(PATH, data=faulty.encode()), 400, "MALFORMED_BODY")
    assert bo.read_balance() == "0.00"


# --- sizes


@pytest.mark.parametrize("mode", MODES)
def test_a_thousand_items_of_one_account(ana: Person, bo: Person, mode: str) -> None:
    items = [item(bo, f"k-{number}", "0.07") for number in range(1000)]
    answer = send(ana, mode, items, key="whole")
    assert Counter(list_statuses(answer)) == {201: 1000}
    assert len({result["transaction"]["id"] for result in answer.json["results"]}) == 1000
    assert (ana.read_balance(), bo.read_balance()) == ("30.00", "70.00")
    assert send(ana, mode, items, key="whole").data == answer.data
    assert send(ana, mode, items).data == answer.data
    assert bo.read_balance() == "70.00"
    entries = ana.get(f"/accounts/{ana.account_id}/entries?limit=100").json["data"]
    assert [entry["balance_after"] for entry in entries] == [f"{30 + 0.07 * step:.2f}" for step in range(100)]


def test_the_last_of_a_thousand_refuses_them_all(ana: Person, bo: Person) -> None:
    items = [item(bo, f"k-{number}", "0.10") for number in range(999)]
    expect_refused_batch(send(ana, "atomic", [*items, item(bo, "k", "0.11")]), 999, "INSUFFICIENT_FUNDS")
    assert (ana.read_balance(), count_transfers(ana)) == ("100.00", 0)


@pytest.mark.parametrize("mode", MODES)
def test_more_than_a_thousand_items(ana: Person, bo: Person, mode: str) -> None:
    items = [item(bo, f"k-{number}", "0.01") for number in range(1001)]
    expect_faulty_fields(send(ana, mode, items), "items")
    expect_faulty_fields(send(ana, mode, [0] * 1_000_000), "items")
    assert (bo.read_balance(), count_transfers(ana)) == ("0.00", 0)


def test_faults_are_named_in_proportion(ana: Person) -> None:
    answer = send(ana, "atomic", [{}] * 1000)
    assert len(expect_problem(answer, 400, "VALIDATION_ERROR")["details"]["fields"]) == 100


@pytest.mark.parametrize(("size", "is_taken"), [(65_537, True), (BODY_LIMIT, True), (BODY_LIMIT + 1, False)])
def test_a_body_of_four_mebibytes(ana: Person, bo: Person, size: int, is_taken: bool) -> None:
    body = json.dumps({"mode": "atomic", "items": [item(bo, "a")]}).encode()
    answer = ana.post(PATH, data=body + b" " * (size - len(body)))
    if is_taken:
        assert list_statuses(answer) == [201]
    else:
        expect_problem(answer, 413, "BODY_TOO_LARGE")
    assert bo.read_balance() == ("10.00" if is_taken else "0.00")


def test_single_moves_keep_their_limit(ana: Person, bo: Person) -> None:
    """The limit is the batch's own, also for requests after one in the same thread."""
    list_statuses(send(ana, "atomic", [item(bo, "a")]))
    expect_problem(ana.post("/transactions", data=b"{}" + b" " * 65_535), 413, "BODY_TOO_LARGE")


# --- who may


def test_operations_act_on_behalf_and_are_audited(app: Flask, ana: Person, bo: Person, make_staff: MakePerson) -> None:
    operations = make_staff(Role.OPERATIONS)
    items = [item(bo, f"k{number}", source_account_id=str(ana.account_id), description="Payroll") for number in (0, 1)]
    answer = send(operations, "atomic", items)
    assert list_statuses(answer) == [201, 201]
    for result in answer.json["results"]:
        assert "fraud_flags" in result["transaction"]
        (event,) = list_events(app, result["transaction"]["id"])
        assert (event.action, event.actor_id, event.reason) == ("transaction.transfer", operations.id, "Payroll")
        assert event.request_id == answer.headers["X-Request-Id"]
    assert bo.read_balance() == "20.00"


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FRAUD_ANALYST, Role.ADMIN])
def test_other_staff_move_nothing(ana: Person, bo: Person, make_staff: MakePerson, role: Role) -> None:
    staff = make_staff(role)
    items = [item(bo, "a", source_account_id=str(ana.account_id))]
    assert list_errors(send(staff, "independent", items)) == ["FORBIDDEN"]
    expect_refused_batch(send(staff, "atomic", items), 0, "FORBIDDEN")
    assert bo.read_balance() == "0.00"


def test_auditors_may_not_even_ask(make_staff: MakePerson) -> None:
    auditor = make_staff(Role.AUDITOR)
    expect_problem(auditor.post(PATH, data=b"{"), 403, "FORBIDDEN")
    expect_problem(auditor.post(PATH, data=b"{}" + b" " * BODY_LIMIT), 403, "FORBIDDEN")


# --- the description


def test_an_item_is_described_as_every_move_with_a_key() -> None:
    schemas = build_document()["components"]["schemas"]
    moves, items = (schemas[name]["discriminator"]["mapping"] for name in ("TransactionIn", "BatchItemIn"))
    assert moves.keys() == items.keys()
    for kind, reference in items.items():
        described, alone = (schemas[ref.rpartition("/")[2]] for ref in (reference, moves[kind]))
        assert {**described["properties"]} == {
            **alone["properties"],
            "idempotency_key": described["properties"]["idempotency_key"],
        }
        assert set(described["required"]) == {*alone["required"], "idempotency_key"}
        assert described["properties"]["idempotency_key"]["maxLength"] == 255
