"""The story itself, without a database: believable, affordable, the same each time."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from wallet_app.clock import get_timezone
from wallet_app.demo.events import Event, Purse, Span, arrange_events
from wallet_app.demo.people import CUSTOMERS, STAFF
from wallet_app.demo.prices import SCALES, round_to_step
from wallet_app.demo.story import LAST_KEY, LENGTH, Story, tell_story
from wallet_app.money import format_amount, get_currency

# Each month, the leap day, daylight saving in both directions.
STARTS = [datetime(2026, month, 3, 5, 7, 11, 123456, UTC) for month in range(1, 13)] + [
    datetime(2028, 2, 29, 23, 59, 59, 999999, UTC),
    datetime(2027, 12, 31, tzinfo=UTC),
]


@pytest.fixture(scope="module", params=STARTS, ids=lambda start: f"{start:%Y-%m-%d}")
def story(request: pytest.FixtureRequest) -> Story:
    return tell_story(request.param)


def test_the_same_start_tells_the_same_story(story: Story) -> None:
    assert tell_story(story.start) == story


def test_the_cast_is_what_was_asked_for() -> None:
    assert len(STAFF) == 6
    assert len(CUSTOMERS) == 33
    currencies = {currency for customer in CUSTOMERS for currency in customer.currencies}
    assert {get_currency(currency).digits for currency in currencies} == {0, 2, 3}
    assert currencies == set(SCALES)
    by_name = {customer.name: customer for customer in CUSTOMERS}
    assert by_name["ana"].currencies == ("USD", "EUR")
    assert by_name["bo"].currencies == ("USD",)
    assert by_name["mei"].currencies == ("MYR",)
    assert len({customer.timezone for customer in CUSTOMERS}) > 12
    for customer in CUSTOMERS:
        assert get_timezone(customer.timezone)
        assert set(customer.friends) | {customer.flatmate or customer.name} <= set(by_name)
        assert customer.name not in customer.friends


def test_it_is_three_months_of_many_moves_and_none_in_the_future(story: Story) -> None:
    moments = [event.at for event in story.events]
    assert moments == sorted(moments)
    assert moments[0] >= story.start
    assert moments[-1] <= story.end == story.last.at == story.start + LENGTH
    assert all(measure.at < story.end for measure in (*story.shares, *story.restrictions))
    assert 1500 <= len(moments) <= 2500


def test_every_move_has_a_key_of_its_own(story: Story) -> None:
    keys = [event.key for event in (*story.events, story.last)]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("demo:") and key.isascii() and len(key) <= 255 for key in keys)
    assert keys[-1] == LAST_KEY


def test_nobody_spends_what_they_do_not_have(story: Story) -> None:
    balances: dict[Purse, Decimal] = defaultdict(Decimal)
    for event in story.events:
        format_amount(event.amount, get_currency(event.currency))  # raises for digits the currency has not
        assert event.amount > 0
        if event.source:
            balances[event.source] -= event.amount
            assert balances[event.source] >= 0, event
        if event.destination:
            balances[event.destination] += event.amount
            assert event.destination.currency == event.currency
    assert balances[Purse("ana", "USD")] > 100
    assert balances[Purse("ana", "EUR")] > 50


def test_wages_are_paid_to_all_and_rents_by_all(story: Story) -> None:
    wages = Counter(event.destination.owner for event in story.events if event.what == "wage" and event.destination)
    rents = Counter(event.source.owner for event in story.events if event.what == "rent" and event.source)
    for customer in CUSTOMERS:
        # Somebody who joins after the first payday gets one less, and who is suspended pays one less.
        assert wages[customer.name] >= (2 if customer.wage else 0), customer.name
        assert rents[customer.name] >= (2 if customer.rent else 0), customer.name
    for event in story.events:
        if event.what == "wage":
            assert 23 <= event.at.day <= 25
            assert event.at.weekday() < 5


def test_each_customer_has_a_life(story: Story) -> None:
    lives = Counter(purse.owner for event in story.events for purse in (event.source, event.destination) if purse)
    assert set(lives) == {customer.name for customer in CUSTOMERS}
    assert min(lives.values()) >= 20


def test_what_went_wrong_was_taken_back(story: Story) -> None:
    by_key = {event.key: event for event in story.events}
    reversals = [event for event in story.events if event.takes_back]
    assert len(reversals) == 3
    for event in reversals:
        original = by_key[event.takes_back or ""]
        assert event.at > original.at
        assert (event.source, event.destination) == (original.destination, original.source)
        assert event.amount == original.amount


def test_who_was_stopped_pays_nothing_afterwards(story: Story) -> None:
    for measure in story.restrictions:
        paid = [event for event in story.events if event.source and event.source.owner == measure.whose]
        assert paid
        assert max(event.at for event in paid) < measure.at


def test_what_can_not_happen_is_left_out() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = start + timedelta(days=10)
    ana, bo = Purse("ana", "USD"), Purse("bo", "USD")
    spans = {"ana": Span(start, end), "bo": Span(start + timedelta(days=2), start + timedelta(days=5))}

    def make(day: float, amount: int, source: Purse | None, destination: Purse | None, **more: str) -> Event:
        at = start + timedelta(days=day)
        by = source.owner if source else "operations"
        return Event(at=at, by=by, what="x", amount=Decimal(amount), source=source, destination=destination, **more)

    possible = [
        make(0, 10, None, ana),
        make(1, 3, ana, None),
        make(3, 5, ana, bo, key="demo:gift"),
        make(4, 2, bo, ana),
        make(6, 1, ana, bo),
    ]
    impossible = [
        make(1.5, 5, ana, bo),  # bo is not there yet
        make(3.5, 4, ana, None),  # ana has 2 left
        make(5, 1, bo, ana),  # bo has been stopped
        make(7, 5, bo, ana, takes_back="demo:gift"),  # likewise
        make(7, 5, None, ana, takes_back="demo:nothing"),
        make(11, 1, None, ana),  # the future
    ]

    arranged = arrange_events([*impossible, *possible], spans, end)

    assert [(event.at, event.amount) for event in arranged] == [(event.at, event.amount) for event in possible]
    assert [event.key for event in arranged] == [
        "demo:2026-01-01:x:ana", "demo:2026-01-02:x:ana", "demo:gift", "demo:2026-01-05:x:bo", "demo:2026-01-07:x:ana",
    ]  # fmt: skip


def test_equal_keys_are_numbered() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    ana = Purse("ana", "USD")
    events = [Event(at=at, by="operations", what="x", amount=Decimal(n), destination=ana) for n in (2, 1)]
    arranged = arrange_events(events, {"ana": Span(at, at)}, at)
    assert [(event.key, event.amount) for event in arranged] == [
        ("demo:2026-01-01:x:ana", 1),
        ("demo:2026-01-01:x:ana:2", 2),
    ]


@pytest.mark.parametrize(
    ("amount", "step", "rounded"), [("7.03", "0.05", "7.05"), ("0.01", "0.05", "0.05"), ("1449", "10", "1450")]
)
def test_prices_come_in_steps(amount: str, step: str, rounded: str) -> None:
    assert round_to_step(Decimal(amount), Decimal(step)) == Decimal(rounded)
