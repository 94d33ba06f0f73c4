"""Time zones and local days, daylight saving and skipped days included."""

from datetime import UTC, date, datetime, timedelta, timezone
from importlib import resources
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from wallet_app import clock

ZONE_NAMES = sorted((resources.files("tzdata") / "zones").read_text("ascii").split())


def test_every_iana_name_is_known_and_loads() -> None:
    assert len(ZONE_NAMES) > 500
    for name in ZONE_NAMES:
        assert clock.is_timezone(name)
        assert clock.get_timezone(name).key == name


@pytest.mark.parametrize(
    "name",
    ["UTC", "Etc/UTC", "Etc/GMT+12", "Etc/GMT-14", "Etc/GMT", "GMT", "Asia/Kuala_Lumpur", "Asia/Calcutta"]
    + ["America/Argentina/Buenos_Aires", "America/North_Dakota/New_Salem", "US/Pacific", "Zulu", "EST5EDT"],
)
def test_known_names(name: str) -> None:
    assert clock.is_timezone(name)


@pytest.mark.parametrize(
    "name",
    [
        "", " ", ".", "..", "../x", "../../etc/passwd", "/etc/localtime", "/usr/share/zoneinfo/UTC",
        "localtime", "posixrules", "posix/UTC", "right/UTC", "zone.tab", "tzdata.zi", "zones", "Europe",
        "Europe/", "Europe/..", "Europe/../UTC", "./UTC", "UTC/", "/UTC", "utc", "europe/paris",
        "EUROPE/PARIS", "Europe/paris", " UTC", "UTC ", "UTC\n", "UTC\x00", "UTC+8", "+08:00", "GMT+8",
        "Mars/Olympus", "Europe\\Paris", "ＵＴＣ", "U" * 100_000, None, True, 8, 1.5, [], {}, ["UTC"], b"UTC",
    ],
    ids=lambda name: ascii(name)[:30],
)  # fmt: skip
def test_unknown_names(name: object) -> None:
    assert not clock.is_timezone(name)
    if isinstance(name, str):
        with pytest.raises(ValueError, match="IANA"):
            clock.get_timezone(name)


def test_unknown_zones_have_no_days() -> None:
    with pytest.raises(ValueError, match="IANA"):
        clock.day_bounds(date(2026, 1, 1), "../x")
    with pytest.raises(ValueError, match="IANA"):
        clock.local_date(clock.now(), "localtime")


def test_a_naive_moment_has_no_local_date() -> None:
    with pytest.raises(ValueError, match="time zone"):
        clock.local_date(datetime(2026, 1, 2), "UTC")  # noqa: DTZ001


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("UTC", "2026-01-02", "2026-01-02T00:00:00Z", 24),
        ("Asia/Kuala_Lumpur", "2026-01-02", "2026-01-01T16:00:00Z", 24),
        ("Asia/Kathmandu", "2026-01-02", "2026-01-01T18:15:00Z", 24),
        ("Etc/GMT-14", "2026-01-02", "2026-01-01T10:00:00Z", 24),
        ("Etc/GMT+12", "2026-01-02", "2026-01-02T12:00:00Z", 24),
        ("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z", 23),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00:00Z", 25),
        ("Europe/Paris", "2026-03-29", "2026-03-28T23:00:00Z", 23),
        ("Europe/Paris", "2026-10-25", "2026-10-24T22:00:00Z", 25),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00Z", 24.5),
        # Midnight itself is skipped: the day begins at 01:00.
        ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00Z", 23),
        ("America/Santiago", "2024-09-08", "2024-09-08T04:00:00Z", 23),
        # Midnight comes twice: the day begins at the first.
        ("America/Havana", "2024-11-03", "2024-11-03T04:00:00Z", 25),
        # The clocks went from 23:30 to 00:30: the day begins at half past midnight.
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00Z", 23.5),
        ("America/Toronto", "1919-03-30", "1919-03-30T05:00:00Z", 23.5),
        # A whole day left out when the zone crossed the date line.
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", 24),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24),
    ],
)
def test_day_bounds(zone: str, day: str, start: str, hours: float) -> None:
    begin, end = clock.day_bounds(date.fromisoformat(day), zone)
    assert begin == datetime.fromisoformat(start)
    assert end - begin == timedelta(hours=hours)
    assert begin.tzinfo is UTC
    assert end.tzinfo is UTC


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        ("2026-01-02T15:59:59.999999Z", "Asia/Kuala_Lumpur", "2026-01-02"),
        ("2026-01-02T16:00:00Z", "Asia/Kuala_Lumpur", "2026-01-03"),
        ("2026-01-02T04:59:59Z", "America/New_York", "2026-01-01"),
        ("2026-07-02T04:00:00Z", "America/New_York", "2026-07-02"),
        ("2026-01-01T10:00:00Z", "Etc/GMT-14", "2026-01-02"),
        ("2026-01-02T11:59:59Z", "Etc/GMT+12", "2026-01-01"),
        ("0001-01-01T00:00:00Z", "Etc/GMT+12", "0001-01-01"),
        ("9999-12-31T23:00:00Z", "Etc/GMT-14", "9999-12-31"),
    ],
)
def test_local_date(moment: str, zone: str, day: str) -> None:
    assert clock.local_date(datetime.fromisoformat(moment), zone) == date.fromisoformat(day)


def test_local_date_of_a_moment_given_in_another_zone() -> None:
    moment = datetime(2026, 1, 2, 1, 0, tzinfo=timezone(timedelta(hours=14)))
    assert clock.local_date(moment, "UTC") == date(2026, 1, 1)


zones = st.sampled_from(ZONE_NAMES)


@given(zones, st.dates(date(2015, 1, 1), date(2040, 12, 31)))
@example("Africa/Cairo", date(2024, 4, 26))
@example("America/Havana", date(2024, 11, 3))
def test_days_meet_and_hold_their_moments(zone: str, day: date) -> None:
    start, end = clock.day_bounds(day, zone)
    assert clock.day_bounds(day + timedelta(days=1), zone)[0] == end
    assume(start < end)
    assert clock.local_date(start, zone) == day
    assert clock.local_date(start - timedelta(microseconds=1), zone) < day
    assert clock.local_date(end - timedelta(microseconds=1), zone) == day
    assert clock.local_date(end, zone) > day


@given(zones, st.datetimes(datetime(2015, 1, 1), datetime(2040, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_moment_lies_in_its_local_day(zone: str, moment: datetime) -> None:
    start, end = clock.day_bounds(clock.local_date(moment, zone), zone)
    assert start <= moment < end


@given(zones, st.dates())
@example("Etc/GMT-14", date.min)
@example("Etc/GMT+12", date.max)
@example("Asia/Tokyo", date.max)
@example("America/New_York", date.min)
def test_no_date_breaks_the_bounds(zone: str, day: date) -> None:
    start, end = clock.day_bounds(day, zone)
    assert start <= end


def test_zones_come_from_the_pinned_package() -> None:
    zone = clock.get_timezone("Europe/Paris")
    assert zone is clock.get_timezone("Europe/Paris")
    assert isinstance(zone, ZoneInfo)
    with (resources.files("tzdata") / "zoneinfo" / "Europe" / "Paris").open("rb") as file:
        packaged = ZoneInfo.from_file(file)
    moments = [datetime(year, month, 15, tzinfo=UTC) for year in range(1900, 2040) for month in (1, 7)]
    assert [moment.astimezone(zone).utcoffset() for moment in moments] == [
        moment.astimezone(packaged).utcoffset() for moment in moments
    ]
