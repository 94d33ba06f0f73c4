"""What happens in the demo world: moves of money, each at a moment and under a key of its own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

OPERATIONS = "operations"


@dataclass(frozen=True, slots=True)
class Purse:
    """A customer's account: the first in ``currency``, or the one for savings beside it."""

    owner: str
    currency: str
    is_saving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One money move: without a source a top-up, without a destination a withdrawal, with ``takes_back`` a reversal.

    ``by`` is the name of who makes it, ``takes_back`` the key of the event that a reversal takes back.
    """

    at: datetime
    by: str
    what: str
    amount: Decimal
    source: Purse | None = None
    destination: Purse | None = None
    description: str | None = None
    reference: str | None = None
    takes_back: str | None = None
    key: str = ""

    @property
    def currency(self) -> str:
        purse = self.source or self.destination
        if purse is None:
            raise ValueError("an event needs a source or a destination")
        return purse.currency


@dataclass(frozen=True, slots=True)
class Span:
    """When a customer's accounts can be used: money comes from ``opens`` on, and goes until ``stops``."""

    opens: datetime
    stops: datetime


def arrange_events(events: Iterable[Event], spans: Mapping[str, Span], end: datetime) -> list[Event]:
    """Sort events by time, leave out what can't happen, and give each its key.

    Left out is what lies after ``end`` or outside somebody's span, and what nobody could pay for. The same events get
    the same keys, so that a seed that was interrupted knows what it has done.
    """
    balances: dict[Purse, Decimal] = {}
    used: dict[str, int] = {}
    arranged: list[Event] = []
    kept: set[str] = set()
    for event in sorted(events, key=lambda event: (event.at, event.by, event.what, event.amount)):
        if event.at > end or (event.takes_back is not None and event.takes_back not in kept):
            continue
        if not (_can_receive(event, spans) and _can_pay(event, spans, balances)):
            continue
        if event.source is not None:
            balances[event.source] -= event.amount
        if event.destination is not None:
            balances[event.destination] = balances.get(event.destination, Decimal(0)) + event.amount
        keyed = event if event.key else replace(event, key=_make_key(event, used))
        kept.add(keyed.key)
        arranged.append(keyed)
    return arranged


def _can_receive(event: Event, spans: Mapping[str, Span]) -> bool:
    return event.destination is None or spans[event.destination.owner].opens <= event.at


def _can_pay(event: Event, spans: Mapping[str, Span], balances: Mapping[Purse, Decimal]) -> bool:
    if event.source is None:
        return True
    span = spans[event.source.owner]
    return span.opens <= event.at < span.stops and balances.get(event.source, Decimal(0)) >= event.amount


def _make_key(event: Event, used: dict[str, int]) -> str:
    purse = (event.destination or event.source) if event.by == OPERATIONS else event.source or event.destination
    stem = f"demo:{event.at:%Y-%m-%d}:{event.what}:{purse.owner if purse else event.by}"
    used[stem] = used.get(stem, 0) + 1
    return stem if used[stem] == 1 else f"{stem}:{used[stem]}"
