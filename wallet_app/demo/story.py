"""The whole story between two moments, and what staff did about people."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from wallet_app.demo.diary import Diary
from wallet_app.demo.events import OPERATIONS, Event, Purse, Span, arrange_events
from wallet_app.demo.people import CUSTOMERS

LENGTH = timedelta(days=92)
# The last event's key; where it is, the whole story is told.
LAST_KEY = "demo:last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a member of staff did about a customer or one of their accounts, ``whose`` first in its currency."""

    at: datetime
    by: str
    action: Literal["suspend", "freeze", "share as operator", "share as viewer"]
    whose: str
    reason: str = ""
    partner: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """``events`` in the order of time, and the measures before and after them."""

    start: datetime
    end: datetime
    shares: tuple[Measure, ...]
    events: tuple[Event, ...]
    restrictions: tuple[Measure, ...]
    last: Event


def tell_story(start: datetime) -> Story:
    """The three months from ``start`` on. The same start gives the same story."""
    end = start + LENGTH
    everybody = {customer.name: customer for customer in CUSTOMERS}
    events = [event for customer in CUSTOMERS for event in Diary(customer, everybody, start, end).write()]
    events += _keep_books(start) + _make_mistakes(end)
    restrictions = _restrict(end)
    stops = {measure.whose: measure.at for measure in restrictions}
    spans = {
        customer.name: Span(start + timedelta(days=customer.joined), stops.get(customer.name, end + LENGTH))
        for customer in CUSTOMERS
    }
    return Story(
        start=start,
        end=end,
        shares=_share(start),
        events=tuple(arrange_events(events, spans, end)),
        restrictions=restrictions,
        last=Event(
            at=end,
            by=OPERATIONS,
            what="counter",
            amount=Decimal(40),
            destination=Purse("bo", "USD"),
            description="Cash paid in at the counter",
            key=LAST_KEY,
        ),
    )


def _share(start: datetime) -> tuple[Measure, ...]:
    """Elsa's studio: its bookkeeper moves its money, and a partner looks on."""
    at = start + timedelta(days=19, hours=2)
    return (
        Measure(at=at, by="admin", action="share as operator", whose="elsa.lindqvist", partner="camille.moreau"),
        Measure(
            at=at + timedelta(minutes=3),
            by="admin",
            action="share as viewer",
            whose="elsa.lindqvist",
            partner="lukas.brandt",
        ),
    )


def _restrict(end: datetime) -> tuple[Measure, ...]:
    return (
        Measure(
            at=end - timedelta(days=9, hours=5),
            by="operations",
            action="suspend",
            whose="victor.almeida",
            reason="Reported his phone stolen; suspended until he has called back.",
        ),
        Measure(
            at=end - timedelta(days=3, hours=2),
            by="analyst",
            action="freeze",
            whose="dilnoza.karimova",
            reason="Cash withdrawals far from home; waiting for the customer's call.",
        ),
    )


def _keep_books(start: datetime) -> list[Event]:
    """The studio's bills, paid by its bookkeeper."""
    return [
        Event(
            at=start + timedelta(days=day, hours=9, minutes=14 + day),
            by="camille.moreau",
            what="studio",
            amount=Decimal(amount),
            source=Purse("elsa.lindqvist", "EUR"),
            description=description,
            reference=f"SL-{1000 + day}",
        )
        for day, amount, description in (
            (27, "184.50", "Paper and ink"),
            (41, "96.00", "Server hosting"),
            (58, "212.40", "Courier"),
            (76, "143.90", "Exhibition stand, first half"),
        )
    ]


def _make_mistakes(end: datetime) -> list[Event]:
    """What went wrong and was put right: by the recipient, and by operations."""
    bo, maya = Purse("bo", "USD"), Purse("maya.okafor", "USD")
    mei, lukas = Purse("mei", "MYR"), Purse("lukas.brandt", "EUR")
    wrong_person = Event(
        at=end - timedelta(days=38, hours=4),
        by="bo",
        what="mistake",
        amount=Decimal("45.00"),
        source=bo,
        destination=maya,
        description="Tennis court",
        key="demo:wrong-person",
    )
    twice = Event(
        at=end - timedelta(days=17, hours=6),
        by=OPERATIONS,
        what="mistake",
        amount=Decimal("300.00"),
        destination=mei,
        description="Bank transfer received",
        key="demo:booked-twice",
    )
    returned = Event(
        at=end - timedelta(days=6, hours=3),
        by="lukas.brandt",
        what="mistake",
        amount=Decimal("120.00"),
        source=lukas,
        description="To my bank account",
        reference="DE-7719",
        key="demo:payout-returned",
    )
    once = Event(
        at=twice.at - timedelta(minutes=7),
        by=OPERATIONS,
        what="bank",
        amount=twice.amount,
        destination=mei,
        description=twice.description,
    )
    return [
        wrong_person,
        once,
        twice,
        returned,
        _take_back(wrong_person, "maya.okafor", timedelta(hours=2, minutes=11), "Meant for somebody else."),
        _take_back(twice, OPERATIONS, timedelta(minutes=48), "Booked twice."),
        _take_back(returned, OPERATIONS, timedelta(days=1), "The bank returned the payout: account closed."),
    ]


def _take_back(original: Event, by: str, later: timedelta, reason: str) -> Event:
    return Event(
        at=original.at + later,
        by=by,
        what="reversal",
        amount=original.amount,
        source=original.destination,
        destination=original.source,
        description=reason,
        takes_back=original.key,
    )
