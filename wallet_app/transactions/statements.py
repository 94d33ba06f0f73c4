"""Statements: an account's entries over a period, between the balance it opened with and the one it closed with.

All of it is read in one SQL statement, so from one snapshot: while money moves, a statement shows a move whole or not
at all. The closing balance is what the opening one and the entries shown add up to, and can't disagree with them.

A move takes its time shortly before it commits. So a period that ended only moments ago may still gain an entry, as
may the balance of that moment; a statement read later has it.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import Session

from wallet_app import clock
from wallet_app.clock import day_bounds, local_date
from wallet_app.errors import StatementTooLong, ValidationFailed
from wallet_app.identity.caller import Caller
from wallet_app.ledger.models import Account, Entry
from wallet_app.transactions.models import Transaction
from wallet_app.transactions.queries import Moment, StatementEntry, find_end, find_start, find_timezone
from wallet_app.uow import run_in_unit_of_work

LONGEST_STATEMENT = 10_000
FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Period:
    """What a statement is about: from ``start`` until just before ``end``. Its days are those of ``timezone``."""

    start: datetime
    end: datetime
    timezone: str

    @property
    def first_day(self) -> date:
        return local_date(self.start, self.timezone)

    @property
    def last_day(self) -> date:
        """The day of the last moment inside; of an empty period the first day."""
        return local_date(max(self.start, _find_last_moment(self.end)), self.timezone)


@dataclass(frozen=True, slots=True)
class Statement:
    """``opening_balance`` is what stood before the period, and ``entries`` are those within it, oldest first."""

    account: Account
    period: Period
    opening_balance: Decimal
    entries: Sequence[StatementEntry]

    @property
    def closing_balance(self) -> Decimal:
        return self.opening_balance + sum((entry.amount for entry in self.entries), ZERO)


def read_statement(caller: Caller, account: Account, *, start: Moment | None, end: Moment | None) -> Statement:
    """An account's statement. The caller must have been let through to the account.

    Dates are read in the owner's time zone, and on a system account, which has no owner, in the caller's.

    Raises:
        ValidationFailed: the period starts after its end.
        StatementTooLong: it has more than ``LONGEST_STATEMENT`` entries.
    """

    def read(session: Session) -> tuple[Period, Sequence[Any]]:
        timezone = find_timezone(session, account.user_id or caller.user_id)
        period = make_period(start, end, timezone, clock.now())
        return period, session.execute(_select_lines(account, period)).all()

    period, rows = run_in_unit_of_work(read)
    opening_balance = rows[0].opening_balance
    entries = [_make_entry(row) for row in rows if row.id is not None]
    if len(entries) > LONGEST_STATEMENT:
        raise StatementTooLong(
            f"A statement has at most {LONGEST_STATEMENT} entries, and this period has more. Ask for a shorter period, "
            "with times instead of dates where a day is too long, or page through the account's entries.",
            {"limit": LONGEST_STATEMENT},
        )
    return Statement(account, period, opening_balance, entries)


def make_period(start: Moment | None, end: Moment | None, timezone: str, now: datetime) -> Period:
    """The period between two dates, both inside, or times, the end outside.

    Without both it is the current calendar month. Without an end it runs to the end of today, and without a start it
    begins with the month that it ends in.

    Raises:
        ValidationFailed: it starts after its end.
    """
    today = local_date(now, timezone)
    if start is None and end is None:
        start, end = today.replace(day=1), today.replace(day=monthrange(today.year, today.month)[1])
    ends_at = find_end(today if end is None else end, timezone)
    if start is None:
        month = local_date(_find_last_moment(ends_at), timezone).replace(day=1)
        # At the beginning of time the zone's first midnight may lie after the end.
        return Period(min(day_bounds(month, timezone)[0], ends_at), ends_at, timezone)
    starts_at = find_start(start, timezone)
    first_day, last_day = _find_day(start), _find_day(today if end is None else end)
    # A day begins when the one before it ends, so that only the dates tell these two apart.
    are_days_swapped = first_day is not None and last_day is not None and first_day > last_day
    if starts_at > ends_at or are_days_swapped:
        until = "today, since end_date is missing" if end is None else "end_date"
        raise ValidationFailed(f"The period must not start after its end, which is {until}.", "start_date")
    return Period(starts_at, ends_at, timezone)


def _find_day(moment: Moment) -> date | None:
    """The day that was asked for, None where it was a time."""
    return None if isinstance(moment, datetime) else moment


def _find_last_moment(end: datetime) -> datetime:
    """The last moment before ``end``, as far as there is one."""
    return max(end, FIRST_MOMENT + MICROSECOND) - MICROSECOND


def _select_lines(account: Account, period: Period) -> Select[Any]:
    """One row for each entry of the period, one more than are allowed, each with the opening balance.

    A period without entries is one row without one. Both parts read ``entries_by_time``. Numbers order entries of the
    same moment on a customer's account, ids those on a system account, whose opening balance is a sum.
    """
    is_customer = account.kind == "customer"
    before = (Entry.account_id == account.id, Entry.created_at < period.start)
    if is_customer:
        opening = (
            select(Entry.balance_after)
            .where(*before)
            .order_by(Entry.created_at.desc(), Entry.entry_number.desc())
            .limit(1)
        )
    else:
        opening = select(func.sum(Entry.amount)).where(*before)
    lines = (
        select(Entry)
        .where(Entry.account_id == account.id, Entry.created_at >= period.start, Entry.created_at < period.end)
        .order_by(Entry.created_at, Entry.entry_number if is_customer else Entry.id)
        .limit(LONGEST_STATEMENT + 1)
        .subquery()
    )
    always = select(literal(1).label("one")).subquery()
    return (
        select(
            func.coalesce(opening.scalar_subquery(), ZERO).label("opening_balance"),
            lines.c.id,
            lines.c.amount,
            lines.c.currency,
            lines.c.balance_after,
            lines.c.entry_number,
            lines.c.transaction_id,
            Transaction.type,
            Transaction.description,
            lines.c.created_at,
        )
        .select_from(always)
        .outerjoin(lines, literal(True))
        .outerjoin(Transaction, Transaction.id == lines.c.transaction_id)
        .order_by(lines.c.created_at, lines.c.entry_number if is_customer else lines.c.id)
    )


def _make_entry(row: Any) -> StatementEntry:
    return StatementEntry(
        id=row.id,
        amount=row.amount,
        currency=row.currency,
        balance_after=row.balance_after,
        entry_number=row.entry_number,
        transaction_id=row.transaction_id,
        type=row.type,
        description=row.description,
        created_at=row.created_at,
    )
