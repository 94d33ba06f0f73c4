"""Which period a statement is about: dates and times, what is left out, switches of the clock, the ends of time."""

from datetime import UTC, date, datetime

import pytest

from wallet_app.clock import format_timestamp, parse_timestamp
from wallet_app.errors import ValidationFailed
from wallet_app.transactions.statements import Period, make_period

NOW = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)  # in Berlin it is April already


def bounds(start: date | None, end: date | None, timezone: str = "UTC", now: datetime = NOW) -> tuple[str, str]:
    period = make_period(start, end, timezone, now)
    return _write(period.start), _write(period.end)


def _write(moment: datetime) -> str:
    return format_timestamp(moment).replace(".000000", "")


@pytest.mark.parametrize(
    ("timezone", "expected"),
    [
        ("UTC", ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")),
        ("Europe/Berlin", ("2026-03-31T22:00:00Z", "2026-04-30T22:00:00Z")),
        ("America/New_York", ("2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z")),
    ],
)
def test_without_dates_it_is_the_owners_calendar_month(timezone: str, expected: tuple[str, str]) -> None:
    assert bounds(None, None, timezone) == expected


def test_the_month_of_a_leap_day_and_the_last_month_of_time() -> None:
    february = datetime(2028, 2, 29, tzinfo=UTC)
    assert bounds(None, None, now=february) == ("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z")
    last = datetime(9999, 12, 31, 23, tzinfo=UTC)
    assert bounds(None, None, now=last) == ("9999-12-01T00:00:00Z", "9999-12-31T23:59:59.999999Z")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 3, 28), ("2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z")),
        (date(2026, 3, 29), ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")),  # 23 hours
        (date(2026, 10, 25), ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")),  # 25 hours
    ],
)
def test_a_day_is_as_long_as_it_is_there(day: date, expected: tuple[str, str]) -> None:
    assert bounds(day, day, "Europe/Berlin") == expected


def test_what_is_left_out() -> None:
    assert bounds(date(2026, 2, 10), None) == ("2026-02-10T00:00:00Z", "2026-04-01T00:00:00Z"), "until today's end"
    assert bounds(date(2026, 3, 31), None) == ("2026-03-31T00:00:00Z", "2026-04-01T00:00:00Z")
    assert bounds(None, date(2026, 2, 10)) == ("2026-02-01T00:00:00Z", "2026-02-11T00:00:00Z"), "from its month's start"
    midnight = parse_timestamp("2026-02-01T00:00:00Z")
    assert bounds(None, midnight) == ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"), "an exclusive end is January's"


def test_times_are_exact_and_mix_with_dates() -> None:
    start, end = parse_timestamp("2026-03-01T12:00:00+08:00"), parse_timestamp("2026-03-01T05:00:00Z")
    assert bounds(start, end, "Asia/Tokyo") == ("2026-03-01T04:00:00Z", "2026-03-01T05:00:00Z")
    assert bounds(start, date(2026, 3, 1), "Asia/Tokyo") == ("2026-03-01T04:00:00Z", "2026-03-01T15:00:00Z")
    assert bounds(end, end) == ("2026-03-01T05:00:00Z", "2026-03-01T05:00:00Z"), "empty, and no mistake"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 3, 2), date(2026, 3, 1)),
        (date(2026, 4, 1), None),
        (datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
        (date(2026, 3, 3), datetime(2026, 3, 2, tzinfo=UTC)),
        (datetime(2026, 3, 3, tzinfo=UTC), date(2026, 3, 1)),
        (date.max, date.min),
    ],
)
def test_a_start_after_the_end(start: date, end: date | None) -> None:
    with pytest.raises(ValidationFailed) as caught:
        make_period(start, end, "UTC", NOW)
    assert "start_date" in str(caught.value.details["fields"])


@pytest.mark.parametrize("timezone", ["UTC", "Etc/GMT+12", "Pacific/Kiritimati", "Pacific/Apia", "America/New_York"])
def test_the_ends_of_time(timezone: str) -> None:
    first, last = parse_timestamp("0001-01-01T00:00:00Z"), parse_timestamp("9999-12-31T23:59:59.999999Z")
    for start, end in [
        (date.min, date.max),
        (None, date.min),
        (None, first),
        (None, date.max),
        (None, last),
        (date.min, None),
        (first, None),
        (first, first),
        (last, last),
    ]:
        period = make_period(start, end, timezone, NOW)
        assert period.start <= period.end
        assert period.first_day <= period.last_day


def test_a_day_that_the_zone_skipped_is_empty() -> None:
    skipped = date(2011, 12, 30)
    start, end = bounds(skipped, skipped, "Pacific/Apia")
    assert start == end


def test_first_and_last_day_are_those_asked_for() -> None:
    for timezone in ("UTC", "Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12"):
        period = make_period(date(2026, 3, 1), date(2026, 3, 31), timezone, NOW)
        assert (period.first_day, period.last_day) == (date(2026, 3, 1), date(2026, 3, 31))
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    assert Period(moment, moment, "UTC").last_day == date(2026, 3, 1)
