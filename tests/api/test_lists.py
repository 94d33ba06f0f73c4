"""Lists: pages and cursors, filters, sorting, and days in the owner's time zone."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from tests.api.calling import NOWHERE, expect_faulty_fields, expect_problem, move, pay
from tests.people import Person
from wallet_app import clock
from wallet_app.identity.permissions import Role

MakePerson = Callable[..., Person]

# A day on which the people made today are still signed in.
SOON = clock.now().date() + timedelta(days=5)


def walk(person: Person, path: str, limit: int, between: Callable[[], Any] = lambda: None) -> Iterator[dict[str, Any]]:
    """Every row of a list, page by page; ``between`` is called before each further page."""
    cursor = ""
    while True:
        separator = "&" if "?" in path else "?"
        page = person.get(f"{path}{separator}limit={limit}{cursor}").json
        assert set(page) == {"data", "has_more", "next_cursor"}
        assert len(page["data"]) <= limit
        yield from page["data"]
        assert page["has_more"] is (page["next_cursor"] is not None)
        if not page["has_more"]:
            return
        assert len(page["data"]) == limit
        cursor = f"&cursor={page['next_cursor']}"
        between()


@pytest.fixture
def ana(make_customer: MakePerson) -> Person:
    return make_customer(balance="1000")


@pytest.fixture
def bo(make_customer: MakePerson) -> Person:
    return make_customer(balance="1000")


# --- pages


def test_a_walk_over_many_rows_stays_steady_while_rows_come_in(ana: Person, bo: Person) -> None:
    sent = [pay(ana, bo, "1").json["id"] for _ in range(120)]
    top_up = ana.get(f"/accounts/{ana.account_id}/entries?limit=100").json
    assert len(top_up["data"]) == 100
    paths = ("/transactions", f"/accounts/{ana.account_id}/transactions", f"/accounts/{ana.account_id}/entries")
    for path in paths:
        rows = list(walk(ana, path, 50, between=lambda: pay(ana, bo, "0.01")))
        ids = [row["transaction_id" if path.endswith("entries") else "id"] for row in rows]
        assert [row for row in ids if row in set(sent)] == sent[::-1], path
        assert len(set(ids)) == len(ids)
        assert rows == sorted(rows, key=lambda row: (row["created_at"], row["id"]), reverse=True)
    for limit in (1, 7, 100):
        listed = [row["id"] for row in walk(ana, "/transactions?min_amount=1&max_amount=1", limit)]
        assert listed == sent[::-1]


def test_rows_of_the_same_moment_are_told_apart_by_id(ana: Person, bo: Person) -> None:
    with clock.at(datetime.combine(SOON, time(12), UTC)):
        sent = {pay(ana, bo, "1").json["id"] for _ in range(5)}
    listed = [row["id"] for row in walk(ana, f"/transactions?start_date={SOON}&end_date={SOON}", 2)]
    assert listed == sorted(sent, reverse=True)


def test_the_default_page_has_fifty(ana: Person, bo: Person) -> None:
    for _ in range(51):
        pay(ana, bo, "1")
    page = ana.get("/transactions").json
    assert (len(page["data"]), page["has_more"]) == (50, True)


@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "1.5", "1e2", "ten", "", "%2050", "٥", "50%00", "9" * 30, "0x10", "+5"]
)
def test_faulty_limits(ana: Person, make_staff: MakePerson, limit: str) -> None:
    account = f"/accounts/{ana.account_id}"
    for path in ("/transactions", "/accounts", f"{account}/entries", f"{account}/transactions"):
        expect_faulty_fields(ana.get(f"{path}?limit={limit}"), "limit")
    expect_faulty_fields(make_staff(Role.SUPPORT).get(f"/users?limit={limit}"), "limit")


def encode(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


MOMENT, LABEL = "2026-01-01T00:00:00.000000Z", "transactions by created_at desc"
FORGED = {
    "garbage": "garbage",
    "empty": "",
    "not base64": "!!!!",
    "not utf-8": "_____w",
    "nul": "%00",
    "emoji": "👋",
    "too long": "a" * 501,
    "no list": base64.urlsafe_b64encode(b'{"a":1}').decode(),
    "a number": base64.urlsafe_b64encode(b"7").decode(),
    "nested": base64.urlsafe_b64encode(b"[" * 300).decode(),
    "nothing in it": encode(),
    "too few": encode(LABEL, MOMENT),
    "too many": encode(LABEL, MOMENT, NOWHERE, NOWHERE),
    "another list": encode("accounts by created_at desc", MOMENT, NOWHERE),
    "another direction": encode("transactions by created_at asc", MOMENT, NOWHERE),
    "no moment": encode(LABEL, "yesterday", NOWHERE),
    "moment with nul": encode(LABEL, MOMENT + "\0", NOWHERE),
    "no such moment": encode(LABEL, "2026-02-30T00:00:00Z", NOWHERE),
    "no uuid": encode(LABEL, MOMENT, "1' OR '1'='1"),
    "uuid a list": encode(LABEL, MOMENT, [NOWHERE]),
    "uuid null": encode(LABEL, MOMENT, None),
}


@pytest.mark.parametrize("cursor", FORGED.values(), ids=FORGED)
def test_forged_cursors(ana: Person, cursor: str) -> None:
    expect_faulty_fields(ana.get(f"/transactions?cursor={cursor}"), "cursor")


def test_a_well_made_cursor_only_places_the_page(ana: Person) -> None:
    """Whoever builds one sees no more than their own rows."""
    future = encode(LABEL, "9999-12-31T23:59:59.999999Z", NOWHERE)
    assert ana.get(f"/transactions?cursor={future}").json == ana.get("/transactions").json
    past = encode(LABEL, "0001-01-01T00:00:00.000000Z", NOWHERE)
    assert ana.get(f"/transactions?cursor={past}").json["data"] == []


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e400", "1" * 39, "-1e-99", "x", "", "1,0", "0x1"])
def test_forged_amounts_in_cursors(ana: Person, amount: str) -> None:
    cursor = encode("transactions by amount desc", amount, MOMENT, NOWHERE)
    expect_faulty_fields(ana.get(f"/transactions?sort_by=amount&cursor={cursor}"), "cursor")


@pytest.mark.parametrize("number", ["-1", str(2**63), "1.5", "x", "", "9" * 30, None, 7])
def test_forged_numbers_in_cursors(ana: Person, number: Any) -> None:
    cursor = encode(f"entries of {ana.account_id} desc", number)
    expect_faulty_fields(ana.get(f"/accounts/{ana.account_id}/entries?cursor={cursor}"), "cursor")


def test_a_cursor_belongs_to_its_list_and_its_order(ana: Person, bo: Person, make_staff: MakePerson) -> None:
    admin = make_staff(Role.ADMIN)
    for currency in ("EUR", "JPY"):
        ana.post("/accounts", {"currency": currency})
    pay(ana, bo, "1")
    entries = f"/accounts/{ana.account_id}/entries"
    lists = [
        (ana, "/transactions?sort_by=created_at&sort_order=desc"),
        (ana, "/transactions?sort_order=asc"),
        (ana, "/transactions?sort_by=amount"),
        (ana, "/transactions?sort_by=amount&sort_order=asc"),
        (ana, "/accounts?status=active"),
        (ana, f"{entries}?limit=1"),
        (admin, "/users?status=active"),
    ]
    cursors = [
        person.get(f"{path}{'' if 'limit' in path else '&limit=1'}").json["next_cursor"] for person, path in lists
    ]
    assert all(cursors)
    for number, (person, path) in enumerate(lists):
        for other, cursor in enumerate(cursors):
            answer = person.get(f"{path}&cursor={cursor}")
            if number == other:
                assert answer.status_code == 200
            else:
                expect_faulty_fields(answer, "cursor")
    other_account = f"/accounts/{bo.account_id}/entries"
    expect_faulty_fields(bo.get(f"{other_account}?cursor={cursors[5]}"), "cursor")


# --- filters


@pytest.fixture
def story(ana: Person, bo: Person) -> dict[str, str]:
    """Some transactions of Ana's, oldest first."""
    ids = {"opening": ana.get("/transactions").json["data"][0]["id"]}
    ids["lunch"] = move(
        ana, "transfer", "12.50", destination_account_id=str(bo.account_id), description="Lunch 100% vegan"
    ).json["id"]
    ids["rent"] = move(ana, "withdrawal", "700", description="Rent").json["id"]
    ids["refill"] = move(ana, "top_up", "50").json["id"]
    ids["undone"] = move(bo, "transfer", "99", destination_account_id=str(ana.account_id)).json["id"]
    ids["undoing"] = ana.post(f"/transactions/{ids['undone']}/reversal", {"reason": "Wrong person"}).json["id"]
    return ids


def names_of(person: Person, story: dict[str, str], query: str) -> list[str]:
    names = {value: name for name, value in story.items()}
    return [names.get(row["id"], "?") for row in person.get(f"/transactions?{query}").json["data"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["undoing", "undone", "refill", "rent", "lunch", "opening"]),
        ("type=transfer", ["undone", "lunch"]),
        ("type=top_up", ["refill", "opening"]),
        ("type=reversal", ["undoing"]),
        ("type=purchase", []),
        ("status=reversed", ["undone"]),
        ("status=completed&type=transfer", ["lunch"]),
        ("status=pending", []),
        ("currency=USD&type=withdrawal", ["rent"]),
        ("currency=EUR", []),
        ("merchant_category=books", []),
        ("min_amount=700", ["rent", "opening"]),
        ("min_amount=12.50&max_amount=99", ["undoing", "undone", "refill", "lunch"]),
        ("max_amount=12.50", ["lunch"]),
        ("max_amount=12.49", []),
        ("min_amount=0&currency=USD&max_amount=50.00", ["refill", "lunch"]),
        ("min_amount=2&max_amount=1", []),
        ("q=rent", ["rent"]),
        ("q=100%25", ["lunch"]),
        ("q=%25", ["lunch"]),
        ("q=_", []),
        ("q=wrong%20PERSON", ["undoing"]),
        ("q=nothing", []),
        ("sort_order=asc", ["opening", "lunch", "rent", "refill", "undone", "undoing"]),
        ("sort_by=amount", ["opening", "rent", "undoing", "undone", "refill", "lunch"]),
        ("sort_by=amount&sort_order=asc", ["lunch", "refill", "undone", "undoing", "rent", "opening"]),
        ("start_date=2000-01-01&end_date=2000-12-31", []),
        ("start_date=0001-01-01&end_date=9999-12-31&type=withdrawal", ["rent"]),
        ("start_date=9999-12-31", []),
    ],
)
def test_filters(ana: Person, story: dict[str, str], query: str, expected: list[str]) -> None:
    assert names_of(ana, story, query) == expected
    account = f"account_id={ana.account_id}"
    assert names_of(ana, story, f"{query}&{account}" if query else account) == expected
    assert names_of(ana, story, f"{query}&user_id={ana.id}".lstrip("&")) == expected
    listed = ana.get(f"/accounts/{ana.account_id}/transactions?{query}").json["data"]
    assert len(listed) == len(expected)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("type=gift", "type"),
        ("type=Transfer", "type"),
        ("status=done", "status"),
        ("currency=usd", "currency"),
        ("currency=U%00D", "currency"),
        ("account_id=mine", "account_id"),
        ("user_id=me", "user_id"),
        ("sort_by=id", "sort_by"),
        ("sort_by=amount;DROP", "sort_by"),
        ("sort_order=up", "sort_order"),
        ("start_date=0000-01-01", "start_date"),
        ("start_date=0000-00-00", "start_date"),
        ("start_date=2026-02-30", "start_date"),
        ("start_date=2026-1-1", "start_date"),
        ("start_date=yesterday", "start_date"),
        ("start_date=2026-01-01T00:00:00", "start_date"),
        ("end_date=10000-01-01", "end_date"),
        ("end_date=2026-13-01", "end_date"),
        ("end_date=%00", "end_date"),
        ("end_date=", "end_date"),
        ("q=a%00b", "q"),
        (f"q={'a' * 201}", "q"),
        ("merchant_category=a%00", "merchant_category"),
        ("page=2", "page"),
        ("offset=5", "offset"),
        ("limit=1&limit=2", "limit"),
        ("type=transfer&type=top_up", "type"),
        ("%00=1", "\0"),
    ],
)
def test_faulty_filters(ana: Person, query: str, field: str) -> None:
    expect_faulty_fields(ana.get(f"/transactions?{query}"), field)


@pytest.mark.parametrize("name", ["min_amount", "max_amount"])
@pytest.mark.parametrize("amount", ["", "-1", "1e3", "NaN", "abc", "%201", "1.00001", "9" * 15, "٣", "1,000", "%00"])
def test_faulty_bounds(ana: Person, name: str, amount: str) -> None:
    code = "VALIDATION_ERROR" if amount == "%00" else "INVALID_AMOUNT"
    expect_faulty_fields(ana.get(f"/transactions?{name}={amount}"), name, code=code)


def test_a_bound_has_no_more_digits_than_its_currency(ana: Person) -> None:
    expect_faulty_fields(ana.get("/transactions?currency=JPY&min_amount=1.5"), "min_amount", code="INVALID_AMOUNT")
    assert ana.get("/transactions?min_amount=1.0001").status_code == 200


@pytest.mark.parametrize("text", ["%ED%A0%80", "%FF%FE", "%zz", "%", "%C0%80", "👋", "'", '"', "\\", "%0A", "%1B"])
def test_odd_text_finds_nothing_and_breaks_nothing(ana: Person, make_staff: MakePerson, text: str) -> None:
    assert ana.get(f"/transactions?q={text}").json["data"] == []
    assert ana.get(f"/accounts?q={text}").json["data"] == []
    assert make_staff(Role.SUPPORT).get(f"/users?q=nobody{text}").json["data"] == []


def test_whose_transactions_one_sees(
    ana: Person, bo: Person, story: dict[str, str], make_customer: MakePerson, make_staff: MakePerson
) -> None:
    assert set(names_of(bo, story, "")) == {"lunch", "undone", "undoing", "?"}
    cy, support = make_customer(), make_staff(Role.SUPPORT)
    assert cy.get("/transactions").json["data"] == []
    for query in (f"account_id={ana.account_id}", f"user_id={ana.id}", f"account_id={NOWHERE}", f"user_id={NOWHERE}"):
        expect_problem(cy.get(f"/transactions?{query}"), 404, "NOT_FOUND")
    expect_problem(cy.get(f"/transactions/{story['lunch']}"), 404, "NOT_FOUND")
    everything = ["undoing", "undone", "refill", "rent", "lunch", "opening"]
    assert names_of(support, story, f"user_id={ana.id}") == everything
    assert names_of(support, story, f"account_id={ana.account_id}") == everything
    assert names_of(support, story, f"account_id={ana.account_id}&user_id={bo.id}") == []
    both = names_of(support, story, f"user_id={bo.id}&type=transfer")
    assert both == ["undone", "lunch"]
    newest = support.get("/transactions?limit=6").json["data"]
    assert len({row["id"] for row in newest}) == 6
    assert support.get(f"/transactions?user_id={NOWHERE}").json["data"] == []


# --- days


def test_days_are_the_owners_and_inclusive(make_customer: MakePerson, make_staff: MakePerson) -> None:
    ana = make_customer(timezone="Asia/Kuala_Lumpur")  # UTC+8
    operations = make_staff(Role.OPERATIONS, timezone="America/New_York")
    midnight = datetime.combine(SOON, time(), UTC) - timedelta(hours=8)
    moments = {
        "just before": midnight - timedelta(microseconds=1),
        "first": midnight,
        "last": midnight + timedelta(days=1, microseconds=-1),
        "just after": midnight + timedelta(days=1),
    }
    story = {}
    for name, moment in moments.items():
        with clock.at(moment):
            story[name] = move(ana, "top_up", "1").json["id"]
    day = f"start_date={SOON}&end_date={SOON}"
    assert names_of(ana, story, day) == ["last", "first"]
    assert names_of(ana, story, f"end_date={SOON - timedelta(days=1)}") == ["just before"]
    assert names_of(ana, story, f"start_date={SOON + timedelta(days=1)}") == ["just after"]
    for query in (f"account_id={ana.account_id}", f"user_id={ana.id}"):
        assert names_of(operations, story, f"{query}&{day}") == ["last", "first"], "the owner's day, whoever asks"


def test_a_time_as_end_is_exclusive_and_as_start_inclusive(ana: Person) -> None:
    story = {}
    for second in (1, 2, 3):
        with clock.at(datetime.combine(SOON, time(12, 0, second), UTC)):
            story[str(second)] = move(ana, "top_up", "1").json["id"]
    window = f"start_date={SOON}T12:00:01Z&end_date={SOON}T12:00:03Z"
    assert names_of(ana, story, window) == ["2", "1"]
    assert names_of(ana, story, window.replace("03Z", "03.000001Z")) == ["3", "2", "1"]
    assert names_of(ana, story, window.replace("Z", "%2B00:00")) == ["2", "1"]
    assert names_of(ana, story, f"start_date={SOON}T20:00:02%2B08:00&end_date={SOON}") == ["3", "2"]


@pytest.mark.parametrize("timezone", ["Pacific/Apia", "Etc/GMT+12", "Pacific/Kiritimati", "America/New_York"])
def test_extreme_days_in_extreme_zones(make_customer: MakePerson, timezone: str) -> None:
    ana = make_customer(timezone=timezone, balance="1")
    for query in ("start_date=0001-01-01", "end_date=9999-12-31", "start_date=0001-01-01&end_date=9999-12-31"):
        assert len(ana.get(f"/transactions?{query}").json["data"]) == 1
    for query in ("end_date=0001-01-01", "start_date=9999-12-31", "start_date=9999-12-31T23:59:59.999999Z"):
        assert ana.get(f"/transactions?{query}").json["data"] == []
