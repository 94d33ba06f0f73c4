"""Reading what a client sends: body, query and headers, each strictly and with errors that name the field."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from flask import request
from pydantic import BaseModel, RootModel, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from wallet_app.api.strict_json import StrictJsonError, parse_json
from wallet_app.errors import (
    BodyTooLarge,
    MalformedBody,
    StaleVersion,
    UnsupportedMediaType,
    ValidationFailed,
    VersionRequired,
)
from wallet_app.transactions.idempotency import IdempotencyKey, make_key

M = TypeVar("M", bound=BaseModel)

JSON_TYPE = "application/json"
# What is named of a body that is faulty all over, so that the answer stays in proportion.
MOST_FAULTS = 100
ETAG = re.compile(r'"([1-9][0-9]{0,8})"')


def read_raw_body() -> bytes:
    """The body's bytes.

    Raises:
        BodyTooLarge: above the limit of this endpoint.
        MalformedBody: framed otherwise than its headers say.
    """
    too_large = BodyTooLarge(f"A body has at most {request.max_content_length} bytes here.")
    try:
        raw = request.get_data(cache=True)
    except RequestEntityTooLarge as error:
        raise too_large from error
    except HTTPException:
        raise
    except Exception as error:
        # The server's own reader, whichever it is, found chunks that are none. Nothing else can fail in there.
        raise MalformedBody(
            "The body is not framed as its headers say. Send Content-Length, or proper chunks."
        ) from error
    if request.content_length is None:
        # Of a chunked body werkzeug would silently keep what fits.
        if len(raw) == request.max_content_length and request.environ["wsgi.input"].read(1):
            raise too_large
    elif len(raw) != request.content_length:
        raise MalformedBody("The body ended before its Content-Length. Send it again.")
    return raw


def read_body(model: type[M], *, optional: bool = False) -> M:
    """Read and validate the JSON body. With ``optional``, no body is the same as ``{}``.

    Raises:
        UnsupportedMediaType, BodyTooLarge, MalformedBody, ValidationFailed
    """
    raw = read_raw_body()
    if not raw and optional:
        return validate(model, {})
    if raw:
        _check_content_type()
    try:
        value = parse_json(raw)
    except StrictJsonError as error:
        raise MalformedBody(str(error)) from error
    if not isinstance(value, dict):
        raise MalformedBody("The body must be a JSON object.")
    return validate(model, value)


def _check_content_type() -> None:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != JSON_TYPE or charset not in {"utf-8", "utf8"} or "Content-Encoding" in request.headers:
        raise UnsupportedMediaType


def read_query(model: type[M]) -> M:
    """Read and validate the query string.

    Raises:
        ValidationFailed: an unknown, repeated or faulty parameter, or one with the character NUL.
    """
    values: dict[str, object] = {}
    for name, texts in request.args.lists():
        if len(texts) > 1:
            raise ValidationFailed("Give this parameter once.", name)
        if "\0" in texts[0]:
            # PostgreSQL has no such character in its text.
            raise ValidationFailed("This has the character NUL, which is not accepted.", name)
        values[name] = texts[0]
    return validate(model, values)


def validate(model: type[M], value: Mapping[str, object]) -> M:
    """Raises:
    ValidationFailed: with each faulty field's path and what is wrong with it.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        # A choice among models begins each path with the chosen one's name, which is no field of the client's.
        start = 1 if issubclass(model, RootModel) else 0
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        fields = {
            _name_field(fault["loc"][start:], fault["type"]): _say(fault["type"], fault["msg"])
            for fault in faults[:MOST_FAULTS]
        }
        raise ValidationFailed("Correct the fields named in details.fields.", fields=fields) from error


def _name_field(path: Sequence[int | str], kind: str) -> str:
    if not path:
        return "type" if kind.startswith("union_tag") else "body"
    return ".".join(str(part) for part in path)


def _say(kind: str, message: str) -> str:
    """Pydantic's message, or our own words where its words are about Python."""
    if kind == "union_tag_invalid":
        return f"This must be one of {message.rpartition(': ')[2]}."
    return {
        "extra_forbidden": "This field is not known here.",
        "missing": "This field is needed.",
        "string_type": "This must be a string.",
        "model_type": "This must be an object.",
        "list_type": "This must be a list.",
        "none_required": "This must be null.",
        "dict_type": "This must be an object.",
        "union_tag_not_found": "This field is needed.",
    }.get(kind, message.removeprefix("Value error, "))


def read_idempotency_key() -> IdempotencyKey | None:
    """The request's Idempotency-Key with the fingerprint of method, path and body; None without the header.

    Raises:
        InvalidIdempotencyKey: not 1 to 255 printable ASCII characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    # Where a body is optional, none and {} are the same; elsewhere an empty one is refused anyway.
    return make_key(key, request.method.encode(), request.path.encode(), read_raw_body() or b"{}")


def read_version() -> int:
    """The version in If-Match, as our ETag gave it out.

    Raises:
        VersionRequired: no If-Match.
        StaleVersion: an ETag that this object never had.
    """
    text = request.headers.get("If-Match")
    if text is None:
        raise VersionRequired
    match = ETAG.fullmatch(text.strip())
    if match is None:
        raise StaleVersion
    return int(match[1])
