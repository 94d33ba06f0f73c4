"""Transfers, top-ups and withdrawals over HTTP, and who may make them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from tests.api.calling import NOWHERE, TIME, UUID7, expect_faulty_fields, expect_problem, move, pay
from tests.api.evidence import list_events
from tests.conftest import make_config
from tests.people import Person, make_person
from wallet_app import create_app
from wallet_app.extensions import db
from wallet_app.identity.permissions import Role

MakePerson = Callable[..., Person]

FIELDS = {
    "id",
    "type",
    "status",
    "amount",
    "currency",
    "source_account_id",
    "destination_account_id",
    "description",
    "reason",
    "merchant_name",
    "merchant_category",
    "original_transaction_id",
    "refunded_amount",
    "exchange_rate",
    "converted_amount",
    "converted_currency",
    "metadata",
    "initiated_by",
    "created_at",
    "updated_at",
    "completed_at",
}


@pytest.fixture
def ana(make_customer: MakePerson) -> Person:
    return make_customer(balance="100")


@pytest.fixture
def bo(make_customer: MakePerson) -> Person:
    return make_customer()


def test_a_transfer_has_every_field(ana: Person, bo: Person) -> None:
    metadata = {"order": "A-1", "lines": 3, "gift": True, "note": None, "zoë": "日本"}
    answer = move(
        ana,
        "transfer",
        "25.5",
        source_account_id=str(ana.account_id),
        destination_account_id=str(bo.account_id),
        description=" Dinner ",
        metadata=metadata,
    )
    assert answer.status_code == 201
    made = answer.json
    assert set(made) == FIELDS
    assert UUID7.fullmatch(made["id"])
    assert (made["type"], made["status"], made["amount"], made["currency"]) == ("transfer", "completed", "25.50", "USD")
    assert (made["source_account_id"], made["destination_account_id"]) == (str(ana.account_id), str(bo.account_id))
    assert (made["description"], made["metadata"], made["initiated_by"]) == ("Dinner", metadata, str(ana.id))
    assert made["created_at"] == made["updated_at"] == made["completed_at"]
    assert TIME.fullmatch(made["created_at"])
    assert made["refunded_amount"] == "0.00"
    absent = FIELDS - {name for name, value in made.items() if value is not None}
    assert absent == {
        "reason",
        "merchant_name",
        "merchant_category",
        "original_transaction_id",
        "exchange_rate",
        "converted_amount",
        "converted_currency",
    }
    assert ana.get(f"/transactions/{made['id']}").json == made
    assert bo.get(f"/transactions/{made['id']}").json == made
    assert (ana.read_balance(), bo.read_balance()) == ("74.50", "25.50")


@pytest.mark.parametrize("name", ["destination_account_id", "destination_account_number", "to_user_email"])
def test_the_recipient_by_each_name(ana: Person, bo: Person, name: str) -> None:
    names = {
        "destination_account_id": str(bo.account_id),
        "destination_account_number": bo.account_number,
        "to_user_email": bo.email.upper(),
    }
    made = move(ana, "transfer", "1", **{name: names[name]}).json
    assert (made["source_account_id"], made["destination_account_id"]) == (str(ana.account_id), str(bo.account_id))
    assert bo.read_balance() == "1.00"


def test_exactly_one_recipient(ana: Person, bo: Person) -> None:
    expect_faulty_fields(move(ana, "transfer", "1"), "body")
    both = {"destination_account_id": str(bo.account_id), "to_user_email": bo.email}
    expect_faulty_fields(move(ana, "transfer", "1", **both), "body")
    assert move(ana, "transfer", "1", **{**both, "to_user_email": None}).status_code == 201


@pytest.mark.parametrize(
    "recipient",
    [
        {"destination_account_id": NOWHERE},
        {"destination_account_number": "000000000000"},
        {"destination_account_number": "' OR 1=1 --"},
        {"to_user_email": "nobody@people.example"},
        {"to_user_email": "no email"},
        {"to_user_email": ""},
    ],
)
def test_unknown_recipients(ana: Person, recipient: dict[str, str]) -> None:
    expect_problem(move(ana, "transfer", "1", **recipient), 404, "NOT_FOUND")
    assert ana.read_balance() == "100.00"


def test_a_look_alike_recipient_is_unknown(ana: Person, make_customer: MakePerson) -> None:
    kim = make_customer(email=f"kim.{ana.email}")
    for look_alike in ("\u212a", "ｋ", "к"):
        expect_problem(move(ana, "transfer", "1", to_user_email=look_alike + kim.email[1:]), 404, "NOT_FOUND")
    assert kim.read_balance() == "0.00"


def test_no_account_in_the_currency(ana: Person, bo: Person) -> None:
    to_bo = {"to_user_email": bo.email, "currency": "EUR"}
    expect_problem(move(ana, "transfer", "1", **to_bo), 422, "NO_ACCOUNT_IN_CURRENCY")
    ana.post("/accounts", {"currency": "EUR"})
    expect_problem(move(ana, "transfer", "1", **to_bo), 422, "NO_ACCOUNT_IN_CURRENCY")
    bo.post("/accounts", {"currency": "EUR"})
    expect_problem(move(ana, "transfer", "1", **to_bo), 422, "INSUFFICIENT_FUNDS")


def test_currencies_must_match(ana: Person, bo: Person) -> None:
    euros = bo.post("/accounts", {"currency": "EUR"}).json["id"]
    expect_problem(move(ana, "transfer", "1", destination_account_id=euros), 422, "CURRENCY_MISMATCH")
    expect_problem(
        move(ana, "transfer", "1", source_account_id=str(ana.account_id), destination_account_id=euros, currency="EUR"),
        422,
        "CURRENCY_MISMATCH",
    )
    for kind in ("top_up", "withdrawal"):
        expect_problem(move(ana, kind, "1", currency="EUR"), 422, "CURRENCY_MISMATCH")
    assert ana.read_balance() == "100.00"


def test_to_oneself_in_the_same_account(ana: Person) -> None:
    for recipient in (
        {"destination_account_id": str(ana.account_id)},
        {"destination_account_number": ana.account_number},
        {"to_user_email": ana.email},
    ):
        expect_problem(move(ana, "transfer", "1", **recipient), 422, "SAME_ACCOUNT")
    assert ana.read_balance() == "100.00"


def test_someone_elses_account_tells_nothing(ana: Person, bo: Person) -> None:
    answers = [
        move(bo, "transfer", amount, source_account_id=source, destination_account_id=str(bo.account_id))
        for source in (str(ana.account_id), NOWHERE)
        for amount in ("1", "99999")
    ]
    answers += [move(bo, "withdrawal", "1", account_id=account) for account in (str(ana.account_id), NOWHERE)]
    answers += [move(bo, "top_up", "1", account_id=account) for account in (str(ana.account_id), NOWHERE)]
    problems = [expect_problem(answer, 404, "NOT_FOUND") for answer in answers]
    assert len({(problem["detail"], str(problem["details"])) for problem in problems}) == 1
    assert ana.read_balance() == "100.00"


def test_a_balance_is_spent_once(ana: Person, bo: Person) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: pay(ana, bo, "100").status_code, range(4)))
    assert sorted(answers) == [201, 422, 422, 422]
    assert (ana.read_balance(), bo.read_balance()) == ("0.00", "100.00")


def test_a_refused_move_leaves_no_transaction(ana: Person, bo: Person) -> None:
    before = ana.get("/transactions").json["data"]
    expect_problem(pay(ana, bo, "100.01"), 422, "INSUFFICIENT_FUNDS")
    assert ana.get("/transactions").json["data"] == before


def test_a_withdrawal(ana: Person) -> None:
    made = move(ana, "withdrawal", "40", payout_reference="IBAN …", description="Rent")
    assert made.status_code == 201
    assert set(made.json) == FIELDS
    assert (made.json["type"], made.json["source_account_id"]) == ("withdrawal", str(ana.account_id))
    assert made.json["destination_account_id"] is None
    assert ana.read_balance() == "60.00"
    problem = expect_problem(move(ana, "withdrawal", "60.01"), 422, "INSUFFICIENT_FUNDS")
    assert problem["details"] == {"available": "60.00", "required": "60.01", "currency": "USD"}
    expect_faulty_fields(
        ana.post("/transactions", {"type": "withdrawal", "amount": "1", "currency": "USD"}), "account_id"
    )


def test_a_top_up(ana: Person) -> None:
    made = move(ana, "top_up", "0.01")
    assert made.status_code == 201
    assert (made.json["source_account_id"], made.json["destination_account_id"]) == (None, str(ana.account_id))
    assert ana.read_balance() == "100.01"


# --- who may


def test_staff_move_money_on_behalf(app: Flask, ana: Person, bo: Person, make_staff: MakePerson) -> None:
    operations = make_staff(Role.OPERATIONS)
    answer = move(
        operations,
        "transfer",
        "10",
        source_account_id=str(ana.account_id),
        destination_account_id=str(bo.account_id),
        description="As asked on the phone",
    )
    assert answer.status_code == 201
    assert set(answer.json) == FIELDS | {"fraud_score", "fraud_flags"}
    assert answer.json["initiated_by"] == str(operations.id)
    assert move(operations, "withdrawal", "10", account_id=str(ana.account_id)).status_code == 201
    topped_up = move(operations, "top_up", "5", account_id=str(ana.account_id))
    assert topped_up.status_code == 201
    assert ana.read_balance() == "85.00"
    (event,) = list_events(app, answer.json["id"])
    assert (event.action, event.actor_id, event.reason) == (
        "transaction.transfer",
        operations.id,
        "As asked on the phone",
    )
    assert event.request_id == answer.headers["X-Request-Id"]
    expect_problem(
        move(operations, "transfer", "1", destination_account_id=str(bo.account_id)), 422, "NO_ACCOUNT_IN_CURRENCY"
    )


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FRAUD_ANALYST, Role.ADMIN, Role.AUDITOR])
def test_other_staff_see_but_do_not_move(ana: Person, bo: Person, make_staff: MakePerson, role: Role) -> None:
    staff = make_staff(role)
    account = str(ana.account_id)
    source = {"source_account_id": account, "destination_account_id": str(bo.account_id)}
    expect_problem(move(staff, "transfer", "1", **source), 403, "FORBIDDEN")
    expect_problem(move(staff, "withdrawal", "1", account_id=account), 403, "FORBIDDEN")
    expect_problem(move(staff, "top_up", "1", account_id=account), 403, "FORBIDDEN")
    assert ana.read_balance() == "100.00"


def test_without_the_sandbox_only_operations_top_up(database_url: str) -> None:
    app = create_app(make_config(database_url, SANDBOX="0"))
    ana, operations = make_person(app, balance="1"), make_person(app, Role.OPERATIONS)
    expect_problem(move(ana, "top_up", "1"), 403, "FORBIDDEN")
    expect_problem(move(ana, "top_up", "1", account_id=str(make_person(app).account_id)), 404, "NOT_FOUND")
    assert ana.read_balance() == "1.00"
    assert move(operations, "top_up", "1", account_id=str(ana.account_id)).status_code == 201
    assert move(ana, "withdrawal", "2").status_code == 201
    with app.app_context():
        db.engine.dispose()


# --- metadata and descriptions


@pytest.mark.parametrize(
    "metadata",
    [
        {f"k{number}": "v" for number in range(20)},
        {"k" * 64: "v" * 500},
        {"n": 999_999_999_999_999, "m": -1, "zero": 0},
        {},
        None,
        {"<script>": "\u202eright to left 👩‍👩‍👧"},
        {"__proto__": "x", "constructor": None},
    ],
)
def test_metadata_comes_back_as_it_was_sent(ana: Person, metadata: dict[str, Any] | None) -> None:
    made = move(ana, "top_up", "1", metadata=metadata).json
    assert made["metadata"] == (metadata or {})
    assert ana.get(f"/transactions/{made['id']}").json["metadata"] == (metadata or {})


@pytest.mark.parametrize(
    "metadata",
    [
        {f"k{number}": "v" for number in range(21)},
        {"k" * 65: "v"},
        {"": "v"},
        {"k": "v" * 501},
        {"k": 1.5},
        {"k": 10**15},
        {"k": 1e300},
        {"k": {"nested": "v"}},
        {"k": ["v"]},
        ["v"],
        "v",
        7,
        True,
    ],
)
def test_metadata_is_flat_and_small(ana: Person, metadata: Any) -> None:
    expect_faulty_fields(move(ana, "top_up", "1", metadata=metadata), "metadata")
    assert ana.read_balance() == "100.00"


@pytest.mark.parametrize(
    "description", ["a" * 500, "Γειά σου 👋", "\u202eevil", "<b>&amp;", "line\nbreak", "'; DROP TABLE"]
)
def test_descriptions_are_only_text(ana: Person, description: str) -> None:
    assert move(ana, "top_up", "1", description=description).json["description"] == description


@pytest.mark.parametrize("description", ["a" * 501, "", " ", 7, {}, True])
def test_faulty_descriptions(ana: Person, description: Any) -> None:
    expect_faulty_fields(move(ana, "top_up", "1", description=description), "description")
