"""The types of fields that requests and answers are made of. Times are RFC 3339, amounts decimal strings."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from wallet_app.api.strict_json import NumberText
from wallet_app.clock import is_timezone, parse_date, parse_timestamp
from wallet_app.errors import Problem
from wallet_app.identity.passwords import LONGEST, SHORTEST
from wallet_app.identity.users import normalise_email
from wallet_app.money import get_currency

METADATA_KEYS = 20
METADATA_KEY_LENGTH = 64
METADATA_VALUE_LENGTH = 500
LARGEST_INTEGER_DIGITS = 15
UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Request(BaseModel):
    """What a client sends: unknown fields are refused, and nothing is turned from one type into another."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """What we answer; it documents, and tests hold every answer against it."""

    model_config = ConfigDict(extra="forbid")


def _refuse_number(value: object) -> object:
    if isinstance(value, NumberText):
        raise ValueError("This must be a string.")
    return value


def _strip(value: object) -> object:
    return value.strip() if isinstance(value, str) and not isinstance(value, NumberText) else value


def _check_currency(value: str) -> str:
    try:
        return get_currency(value).code
    except Problem as problem:
        raise ValueError(problem.detail) from problem


def _check_email(value: str) -> str:
    try:
        return normalise_email(value)
    except Problem as problem:
        raise ValueError(problem.detail) from problem


def _check_timezone(value: str) -> str:
    if not is_timezone(value):
        raise ValueError("Give an IANA time zone name, such as Asia/Kuala_Lumpur.")
    return value


def _check_uuid(value: str) -> UUID:
    if not UUID_TEXT.fullmatch(value):
        raise ValueError("Give an id as it was answered: a UUID with hyphens.")
    return UUID(value)


def _check_metadata(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) > METADATA_KEYS:
        raise ValueError(f"Metadata has at most {METADATA_KEYS} keys.")
    return {_check_metadata_key(key): _check_metadata_value(item) for key, item in value.items()}


def _check_metadata_key(key: str) -> str:
    if not 1 <= len(key) <= METADATA_KEY_LENGTH:
        raise ValueError(f"A metadata key has 1 to {METADATA_KEY_LENGTH} characters.")
    return key


def _check_metadata_value(item: object) -> object:
    if isinstance(item, NumberText):
        digits = item.removeprefix("-")
        if not (digits.isdigit() and len(digits) <= LARGEST_INTEGER_DIGITS):
            raise ValueError("Write a metadata number with a fraction, an exponent or over 15 digits as a string.")
        return int(item)
    if isinstance(item, str) and len(item) > METADATA_VALUE_LENGTH:
        raise ValueError(f"A metadata value has at most {METADATA_VALUE_LENGTH} characters.")
    if item is None or isinstance(item, str | bool):
        return item
    raise ValueError("Metadata is flat: its values are strings, whole numbers, booleans or null.")


def _parse_whole_number(value: object) -> object:
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) <= LARGEST_INTEGER_DIGITS):
            raise ValueError("Give a whole number.")
        return int(value)
    return value


def _check_time(value: str) -> str:
    parse_timestamp(value)
    return value


def parse_moment(value: str) -> date | datetime:
    """A date stays a date, to be read in the owner's time zone; a time is exact.

    Raises:
        ValueError: neither.
    """
    return parse_date(value) if len(value) == len("2026-01-31") else parse_timestamp(value)


def _check_moment(value: str) -> str:
    parse_moment(value)
    return value


Text = Annotated[str, BeforeValidator(_refuse_number)]
# Surrounding spaces are cut off first, then the length is judged.
Name = Annotated[Text, Field(min_length=1, max_length=200), BeforeValidator(_strip)]
ShortText = Annotated[Text, Field(min_length=1, max_length=64), BeforeValidator(_strip)]
Sentence = Annotated[Text, Field(min_length=1, max_length=500), BeforeValidator(_strip)]
Password = Annotated[Text, Field(min_length=SHORTEST, max_length=LONGEST)]
Email = Annotated[
    str,
    BeforeValidator(_refuse_number),
    AfterValidator(_check_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254, "examples": ["ana@wallet.example"]}),
]
CurrencyCode = Annotated[
    str,
    BeforeValidator(_refuse_number),
    AfterValidator(_check_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217 code.", "examples": ["USD"]}),
]
Timezone = Annotated[
    str,
    BeforeValidator(_refuse_number),
    AfterValidator(_check_timezone),
    WithJsonSchema({"type": "string", "description": "IANA time zone name.", "examples": ["Asia/Kuala_Lumpur"]}),
]
Id = Annotated[
    str,
    BeforeValidator(_refuse_number),
    AfterValidator(_check_uuid),
    WithJsonSchema({"type": "string", "format": "uuid"}),
]
Metadata = Annotated[
    dict[str, Any],
    AfterValidator(_check_metadata),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": METADATA_KEYS,
            "additionalProperties": {"type": ["string", "integer", "boolean", "null"]},
            "description": "Flat: at most 20 keys.",
        }
    ),
]
# Read by money.parse_amount, which knows the currency's digits and answers INVALID_AMOUNT for all that is wrong.
AmountIn = Annotated[
    Any,
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "pattern": r"^(0|[1-9][0-9]{0,13})(\.[0-9]{1,4})?$",
            "description": "Exact decimal text, no sign, no exponent, no more fraction digits than the currency has.",
            "examples": ["50.00"],
        }
    ),
]
TimeIn = Annotated[str, AfterValidator(_check_time), WithJsonSchema({"type": "string", "format": "date-time"})]
MomentIn = Annotated[
    str,
    AfterValidator(_check_moment),
    WithJsonSchema(
        {
            "type": "string",
            "description": "YYYY-MM-DD, the whole day in the owner's time zone, or an RFC 3339 time.",
        }
    ),
]

IdOut = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
AmountOut = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["50.00"]})
]
TimeOut = Annotated[
    str,
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": r"^[0-9T:-]+\.[0-9]{6}Z$"}),
]
SortOrder = Literal["asc", "desc"]
# The range stands before the parser, or OpenAPI would not tell it.
Limit = Annotated[int, Field(ge=1, le=100), BeforeValidator(_parse_whole_number)]


class PageQuery(Request):
    """What every list takes."""

    limit: Limit = 50
    cursor: Annotated[str, Field(max_length=500, description="`next_cursor` of the page before.")] | None = None
