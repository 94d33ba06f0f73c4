"""Reading and setting time, and timestamps as text."""

import asyncio
import threading
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet_app import clock

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(days=40, microseconds=7)


def test_now_is_the_present_in_utc() -> None:
    before = datetime.now(UTC)
    moment = clock.now()
    assert before <= moment <= datetime.now(UTC)
    assert moment.tzinfo is UTC


def test_set_time_stands_still_nests_and_ends() -> None:
    with clock.at(NOON) as moment:
        assert moment == NOON
        assert clock.now() == clock.now() == NOON
        with clock.at(LATER):
            assert clock.now() == LATER
        assert clock.now() == NOON
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_set_time_ends_when_the_block_fails() -> None:
    with pytest.raises(KeyError), clock.at(NOON):
        raise KeyError
    assert clock.now() != NOON


def test_set_time_is_utc_whatever_zone_it_was_given_in() -> None:
    with clock.at(datetime(2026, 1, 2, 20, 0, tzinfo=timezone(timedelta(hours=8)))):
        assert clock.now() == NOON
        assert clock.now().tzinfo is UTC


def test_naive_time_cannot_be_set() -> None:
    with pytest.raises(ValueError, match="time zone"), clock.at(datetime(2026, 1, 2)):  # noqa: DTZ001
        pass


def test_set_time_does_not_reach_other_threads() -> None:
    seen: list[datetime] = []
    with clock.at(NOON):
        thread = threading.Thread(target=lambda: seen.append(clock.now()))
        thread.start()
        thread.join()
    assert seen[0] != NOON


def test_time_set_in_a_thread_does_not_reach_this_one() -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with clock.at(NOON):
            entered.set()
            leave.wait(5)

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(5)
    seen = clock.now()
    leave.set()
    thread.join()
    assert seen != NOON


def test_set_time_does_not_reach_other_tasks() -> None:
    async def hold(moment: datetime) -> bool:
        with clock.at(moment):
            await asyncio.sleep(0.01)
            return clock.now() == moment

    async def run() -> list[bool]:
        return list(await asyncio.gather(hold(NOON), hold(LATER)))

    assert asyncio.run(run()) == [True, True]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-01-02T12:00:00.000000Z"),
        (LATER, "2026-02-11T12:00:00.000007Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC), "2026-01-02T03:04:05.123456Z"),
        (
            datetime(2026, 1, 2, 3, 4, 5, 100000, tzinfo=timezone(timedelta(hours=8))),
            "2026-01-01T19:04:05.100000Z",
        ),
        (datetime(2026, 1, 2, tzinfo=timezone(timedelta(0), "GMT")), "2026-01-02T00:00:00.000000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
        (datetime.max.replace(tzinfo=UTC), "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_format_timestamp(moment: datetime, text: str) -> None:
    assert clock.format_timestamp(moment) == text


def test_a_naive_moment_is_not_formatted() -> None:
    with pytest.raises(ValueError, match="time zone"):
        clock.format_timestamp(datetime(2026, 1, 2))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T12:00:00Z", NOON),
        ("2026-01-02t12:00:00z", NOON),
        ("2026-01-02T20:00:00+08:00", NOON),
        ("2026-01-02T04:30:00-07:30", NOON),
        ("2026-01-02T12:00:00-00:00", NOON),
        ("2026-01-02T12:00:00.5Z", NOON + timedelta(milliseconds=500)),
        ("2026-01-02T12:00:00.000007Z", NOON + timedelta(microseconds=7)),
        ("2026-01-02T12:00:00.000007999Z", NOON + timedelta(microseconds=7)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_parse_timestamp(text: str, moment: datetime) -> None:
    parsed = clock.parse_timestamp(text)
    assert parsed == moment
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "", "2026", "2026-01-02", "2026-01-02T12:00:00", "2026-01-02T12:00Z", "2026-01-02 12:00:00Z",
        "2026-01-02T12:00:00 Z", "2026-01-02T12:00:00+0800", "2026-01-02T12:00:00+08",
        "2026-01-02T12:00:00+24:00", "2026-01-02T12:00:00+08:60", "2026-01-02T12:00:00,5Z",
        "2026-01-02T12:00:00.Z", "2026-01-02T24:00:00Z", "2026-01-02T12:60:00Z", "2016-12-31T23:59:60Z",
        "2016-12-31T23:59:61Z", "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z", "20260102T120000Z", "2026-W01-5T12:00:00Z", "-2026-01-02T12:00:00Z",
        "2026-01-02T12:00:00Z\n", " 2026-01-02T12:00:00Z", "２０２６-01-02T12:00:00Z",
        "2026-01-02T12:00:00.٣Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
        "2026-01-02T12:00:00." + "1" * 10 + "Z", "now", "\x00", "1767355200",
    ],
    ids=ascii,
)  # fmt: skip
def test_parse_timestamp_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        clock.parse_timestamp(text)


@pytest.mark.parametrize("value", [None, True, 1767355200, 1.5, [], {}, b"2026-01-02T12:00:00Z"])
def test_parsers_refuse_what_is_not_text(value: object) -> None:
    for parse in (clock.parse_timestamp, clock.parse_date):
        with pytest.raises(ValueError, match="must be"):
            parse(value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_timestamps_read_back_equal(moment: datetime) -> None:
    text = clock.format_timestamp(moment)
    assert len(text) == 27
    assert clock.parse_timestamp(text) == moment


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001
    st.integers(-1439, 1439),
)
def test_offsets_are_taken_into_account(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    sign, size = ("-", -minutes) if minutes < 0 else ("+", minutes)
    text = f"{local.isoformat(timespec='microseconds')}{sign}{size // 60:02}:{size % 60:02}"
    assert clock.parse_timestamp(text) == moment


@given(st.text(max_size=40))
def test_no_text_breaks_the_parsers(text: str) -> None:
    for parse in (clock.parse_timestamp, clock.parse_date):
        try:
            parse(text)
        except ValueError as error:
            assert str(error).startswith("must be")  # noqa: PT017


@given(st.dates())
def test_dates_read_back_equal(day: date) -> None:
    assert clock.parse_date(day.isoformat()) == day


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-1-2", "20260102", "2026-W01-5", "2026-001", "2026-02-29", "2026-13-01", "2026-00-00",
        "0000-01-01", "10000-01-01", "2026-01-02\n", " 2026-01-02", "2026/01/02", "02-01-2026",
        "2026-01-02T00:00:00Z", "２０２６-01-02", "2026-01-٣2", "today",
    ],
    ids=ascii,
)  # fmt: skip
def test_parse_date_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="must be a date"):
        clock.parse_date(text)
