"""JSON bodies, read strictly: whatever two readers could understand differently is refused."""

import json
import re
from typing import Never

MAX_DEPTH = 20

_BYTE_ORDER_MARK = "\ufeff"
_SHOWN_KEY_LENGTH = 40
_OPENING = b"[{"
_STRUCTURE = b'[]{}"'
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in _STRUCTURE)
_REFUSED_CHARACTER = re.compile("[\x00\ud800-\udfff]")


class StrictJsonError(ValueError):
    """A body was refused; the message is a sentence for the client."""


class NumberText(str):
    """A JSON number as the very text it was written in, so that no digit is lost and none costs anything."""

    __slots__ = ()


def parse_json(raw: bytes) -> object:
    """Return what a UTF-8 JSON body holds: dict, list, str, NumberText, bool or None.

    Raises StrictJsonError for a body that is empty, is not valid UTF-8 or JSON, or has a byte order mark, NaN
    or Infinity, a key twice in one object, more than MAX_DEPTH levels, or a NUL or half of a surrogate pair
    in a string or key.
    """
    _refuse_deep_nesting(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StrictJsonError(f"The body must be UTF-8; byte {error.start + 1} is not.") from None
    if text.startswith(_BYTE_ORDER_MARK):
        raise StrictJsonError("The body must not begin with a byte order mark.")
    if not text or text.isspace():
        raise StrictJsonError("The body is empty; a JSON value is needed.")
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        # The original carries the whole body, which has no place in a log.
        raise StrictJsonError(
            f"The body is not valid JSON: {error.msg}, line {error.lineno} column {error.colno}."
        ) from None
    if b"\\u" in raw:
        _refuse_characters(value)
    return value


def _refuse_deep_nesting(raw: bytes) -> None:
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    # Without escapes, every second piece between quotes lies outside strings.
    pieces = raw.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE).split(b'"')
    depth = 0
    for bracket in b"".join(pieces[::2]):
        if bracket in _OPENING:
            depth += 1
            if depth > MAX_DEPTH:
                raise StrictJsonError(f"The body is nested too deeply; {MAX_DEPTH} levels are the most.")
        else:
            depth -= 1


def _refuse_characters(value: object) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            found = _REFUSED_CHARACTER.search(item)
            if found is not None:
                name = "the character NUL" if found[0] == "\x00" else "half of a surrogate pair"
                raise StrictJsonError(f"A string in the body has {name}, which is not accepted.")
        elif isinstance(item, dict):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _build_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    built = dict(pairs)
    if len(built) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                shown = key if len(key) <= _SHOWN_KEY_LENGTH else f"{key[:_SHOWN_KEY_LENGTH]}..."
                # ASCII keeps control characters and lone surrogates out of the answer.
                raise StrictJsonError(f"The key {json.dumps(shown)} appears twice in one object.")
            seen.add(key)
    return built


def _refuse_constant(name: str) -> Never:
    raise StrictJsonError(f"{name} is not a JSON number.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_build_object,
    parse_float=NumberText,
    parse_int=NumberText,
    parse_constant=_refuse_constant,
)
