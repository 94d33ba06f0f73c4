"""Time: one place to read it, so that tests and the seed can set it, and the text forms it comes and goes in.

Inside the application every datetime is aware and in UTC. Zones come from the pinned tzdata package and not
from the machine, so that a day begins at the same instant wherever the application runs.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

_set_moment: ContextVar[datetime | None] = ContextVar("set_moment", default=None)

_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.([0-9]{1,9}))?"
    r"([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
_LAST_MOMENT = datetime.max.replace(tzinfo=UTC)


def now() -> datetime:
    """Return the present moment in UTC, or the one set by `at`."""
    return _set_moment.get() or datetime.now(UTC)


@contextmanager
def at(moment: datetime) -> Iterator[datetime]:
    """Let time stand still at an aware `moment` inside the block, for this thread or task alone.

    Blocks may nest. Raises ValueError if the moment is naive.
    """
    token = _set_moment.set(_convert_to_utc(moment))
    try:
        yield now()
    finally:
        _set_moment.reset(token)


def format_timestamp(moment: datetime) -> str:
    """Return an aware moment as RFC 3339 text in UTC, with six fraction digits.

    Raises ValueError for a naive moment.
    """
    if moment.tzinfo is not UTC:
        moment = _convert_to_utc(moment)
    return moment.isoformat("T", "microseconds")[:-6] + "Z"


def parse_timestamp(text: object) -> datetime:
    """Return the UTC moment that RFC 3339 text names, cut to whole microseconds.

    Raises ValueError for anything else, a missing offset, a leap second, and years outside 1 to 9999 in UTC.
    """
    match = _TIMESTAMP.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('must be an RFC 3339 time, such as "2026-01-02T03:04:05Z"')
    seconds, fraction, offset = match.groups(default="")
    try:
        moment = datetime.fromisoformat(f"{seconds}.{fraction[:6]:0<6}{offset.upper()}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time that exists, in a year from 0001 to 9999") from None


def parse_date(text: object) -> date:
    """Return the date that `YYYY-MM-DD` text names; raises ValueError for anything else."""
    if not isinstance(text, str) or _DATE.fullmatch(text) is None:
        raise ValueError('must be a date, such as "2026-01-02"')
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a date that exists, in a year from 0001 to 9999") from None


def is_timezone(name: object) -> bool:
    """Tell whether this is the exact name of an IANA time zone, links and `Etc/` included."""
    return isinstance(name, str) and name in _load_timezone_names()


@cache
def get_timezone(name: str) -> ZoneInfo:
    """Return the IANA time zone of this exact name; raises ValueError if there is none."""
    if not is_timezone(name):
        raise ValueError('must be an IANA time zone, such as "Asia/Kuala_Lumpur"')
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def day_bounds(day: date, timezone: str) -> tuple[datetime, datetime]:
    """Return the UTC moments at which a day begins in the named zone and at which the next one does.

    The second is outside the day. Daylight saving makes a day 23 or 25 hours long; a day that a zone skipped
    has equal bounds. Raises ValueError for an unknown zone.
    """
    zone = get_timezone(timezone)
    end = _LAST_MOMENT if day == date.max else _find_start_of_day(day + timedelta(days=1), zone)
    return _find_start_of_day(day, zone), end


def local_date(moment: datetime, timezone: str) -> date:
    """Return the date in the named zone at an aware moment.

    Raises ValueError for an unknown zone or a naive moment.
    """
    zone = get_timezone(timezone)
    moment = _convert_to_utc(moment)
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        return moment.date()


def _convert_to_utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC)


@cache
def _load_timezone_names() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


def _find_start_of_day(day: date, zone: ZoneInfo) -> datetime:
    midnight = datetime.combine(day, time.min, tzinfo=zone)
    try:
        start = midnight.astimezone(UTC)
    except OverflowError:
        return _FIRST_MOMENT
    if start.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return start
    # The clocks went forward over midnight: the day begins at that instant, between the two readings of it.
    before = midnight.replace(fold=1).astimezone(UTC)
    low, high = 0, int((start - before).total_seconds())
    while low < high:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).date() < day:
            low = middle + 1
        else:
            high = middle
    return before + timedelta(seconds=low)
