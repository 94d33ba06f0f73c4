"""Keyset paging: as quick on the last page as on the first, and stable while rows come in."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar, TypeVarTuple
from uuid import UUID

from sqlalchemy import Select, SQLColumnExpression, tuple_

from wallet_app.clock import format_timestamp, parse_timestamp
from wallet_app.errors import ValidationFailed

LARGEST_NUMBER = 2**63 - 1

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of rows, and the cursor that leads to the next one, None on the last."""

    rows: Sequence[T]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Keyset:
    """A total order of the list ``name``. ``parsers`` read each column's value back from a cursor."""

    name: str
    columns: tuple[SQLColumnExpression[Any], ...]
    parsers: tuple[Callable[[str], Any], ...]
    descending: bool = True

    def limit(self, statement: Select[*Ts], limit: int, cursor: str | None) -> Select[*Ts]:
        """Order ``statement`` and cut one row more than ``limit`` out of it, after ``cursor``.

        Raises:
            ValidationFailed: the cursor is none of ours, or belongs to another order.
        """
        if cursor is not None:
            values = self._decode(cursor)
            left, right = tuple_(*self.columns), tuple_(*values)
            statement = statement.where(left < right if self.descending else left > right)
        order = [column.desc() if self.descending else column.asc() for column in self.columns]
        return statement.order_by(*order).limit(limit + 1)

    def make_page(self, rows: Sequence[T], limit: int, read_key: Callable[[T], Sequence[Any]]) -> Page[T]:
        """Turn up to ``limit + 1`` rows into a page; ``read_key`` gives a row's values of ``columns``."""
        if len(rows) <= limit:
            return Page(rows, None)
        shown = rows[:limit]
        return Page(shown, self._encode(read_key(shown[-1])))

    @property
    def _label(self) -> str:
        return f"{self.name} {'desc' if self.descending else 'asc'}"

    def _encode(self, values: Sequence[Any]) -> str:
        texts = [format_timestamp(value) if isinstance(value, datetime) else str(value) for value in values]
        raw = json.dumps([self._label, *texts]).encode()
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def _decode(self, cursor: str) -> list[Any]:
        try:
            raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            name, *texts = json.loads(raw)
            if name != self._label or len(texts) != len(self.parsers):
                raise ValueError("another order")
            return [parse(text) for parse, text in zip(self.parsers, texts, strict=True)]
        except (ValueError, TypeError, RecursionError, binascii.Error, InvalidOperation) as error:
            raise ValidationFailed("This cursor does not belong to this list. Start without one.", "cursor") from error


def parse_uuid(text: object) -> UUID:
    """Raises:
    ValueError: not the text of a UUID.
    """
    if not isinstance(text, str):
        raise ValueError("not text")
    return UUID(text)


def parse_number(text: object) -> int:
    """Raises:
    ValueError: not a whole number that a bigint holds.
    """
    number = int(text) if isinstance(text, str) and len(text) < 20 else LARGEST_NUMBER + 1
    if not 0 <= number <= LARGEST_NUMBER:
        raise ValueError("out of range")
    return number


def parse_decimal(text: object) -> Decimal:
    """Raises:
    ValueError: not a finite decimal number of sane length.
    """
    number = Decimal(text) if isinstance(text, str) and len(text) < 40 else Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > 30:
        raise ValueError("not a number of sane size")
    return number


def by_newest(
    name: str, created_at: SQLColumnExpression[datetime], row_id: SQLColumnExpression[UUID], *, descending: bool = True
) -> Keyset:
    """The usual order of the list ``name``: (``created_at``, ``id``), newest first."""
    return Keyset(f"{name} by created_at", (created_at, row_id), (parse_timestamp, parse_uuid), descending)
