"""Bodies: what strict JSON takes and refuses, and that neither costs more than the length of the body."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wallet_app.api.strict_json import MAX_DEPTH, NumberText, StrictJsonError, parse_json

MEBIBYTE = 1024 * 1024

ACCEPTED = [
    (b"{}", {}),
    (b"[]", []),
    (b" \t\r\n{}\n", {}),
    (b'"text"', "text"),
    (b"true", True),
    (b"false", False),
    (b"null", None),
    (b'{"a": [true, false, null, {"b": "c"}]}', {"a": [True, False, None, {"b": "c"}]}),
    (b'{"amount": 50.00, "n": -1, "e": 1e400}', {"amount": "50.00", "n": "-1", "e": "1e400"}),
    ('{"é": "日本 😀"}'.encode(), {"é": "日本 😀"}),
    (b'"\\u00e9\\ud83d\\ude00\\n\\"\\\\\\/"', 'é😀\n"\\/'),
    (b'"\\\\u0000 \\\\ud800"', "\\u0000 \\ud800"),
    (b'"\\uFFFF\\ufeff"', "\uffff\ufeff"),
    (b'{"a": {"k": "1"}, "b": {"k": "2"}}', {"a": {"k": "1"}, "b": {"k": "2"}}),
    (b'{"a": "", "A": "", "": ""}', {"a": "", "A": "", "": ""}),
]

REFUSED = [
    ("empty", b"", "empty"),
    ("only spaces", b" \n\t", "empty"),
    ("byte order mark", b"\xef\xbb\xbf{}", "byte order mark"),
    ("UTF-16 with mark", '{"a": "b"}'.encode("utf-16"), "UTF-8"),
    ("UTF-16 little", '{"a": "b"}'.encode("utf-16-le"), "not valid JSON"),
    ("UTF-16 big", '{"a": "b"}'.encode("utf-16-be"), "not valid JSON"),
    ("UTF-32", '{"a": "b"}'.encode("utf-32"), "UTF-8"),
    ("Latin-1", b'{"a": "\xe9"}', "byte 8"),
    ("overlong slash", b'"\xc0\xaf"', "UTF-8"),
    ("raw surrogate", b'"\xed\xa0\x80"', "UTF-8"),
    ("raw surrogate pair", b'"\xed\xa0\xbd\xed\xb8\x80"', "UTF-8"),
    ("NaN", b'{"a": NaN}', "NaN"),
    ("Infinity", b'{"a": Infinity}', "Infinity"),
    ("minus Infinity", b"[-Infinity]", "-Infinity"),
    ("duplicate", b'{"amount": "1", "amount": "2"}', '"amount" appears twice'),
    ("duplicate with equal values", b'{"a": 1, "a": 1}', '"a"'),
    ("duplicate inside", b'{"x": [{"k": 1, "j": 2, "k": 3}]}', '"k"'),
    ("duplicate by escape", b'{"a": 1, "\\u0061": 2}', '"a"'),
    ("duplicate empty", b'{"": 1, "": 2}', '""'),
    ("duplicate NUL", b'{"\\u0000": 1, "\\u0000": 2}', "twice"),
    ("escaped NUL", b'{"a": "x\\u0000y"}', "NUL"),
    ("escaped NUL in key", b'{"x\\u0000": "y"}', "NUL"),
    ("escaped NUL deep", b'[[["a", {"b": ["\\u0000"]}]]]', "NUL"),
    ("raw NUL", b'{"a": "\x00"}', "not valid JSON"),
    ("NUL between", b"{}\x00", "not valid JSON"),
    ("raw control", b'"a\nb"', "not valid JSON"),
    ("high surrogate", b'"\\ud800"', "surrogate"),
    ("low surrogate", b'"\\uDFFF"', "surrogate"),
    ("reversed pair", b'"\\ude00\\ud83d"', "surrogate"),
    ("surrogate in key", b'{"\\ud83d": 1}', "surrogate"),
    ("surrogate before text", b'"\\ud83dx"', "surrogate"),
    ("trailing text", b"{} x", "not valid JSON"),
    ("second value", b"{}{}", "not valid JSON"),
    ("trailing comma", b'{"a": 1,}', "not valid JSON"),
    ("trailing comma in array", b"[1,]", "not valid JSON"),
    ("single quotes", b"{'a': 1}", "not valid JSON"),
    ("bare key", b"{a: 1}", "not valid JSON"),
    ("comment", b"{} // x", "not valid JSON"),
    ("unterminated", b'{"a": "b', "not valid JSON"),
    ("unclosed", b'{"a": 1', "not valid JSON"),
    ("mismatched", b"[}", "not valid JSON"),
    ("bad escape", b'"\\x41"', "not valid JSON"),
    ("short escape", b'"\\u12"', "not valid JSON"),
    ("leading zero", b"01", "not valid JSON"),
    ("plus", b"+5", "not valid JSON"),
    ("bare fraction", b".5", "not valid JSON"),
    ("open fraction", b"5.", "not valid JSON"),
    ("hexadecimal", b"0x10", "not valid JSON"),
    ("underscore", b"1_000", "not valid JSON"),
    ("Arabic digit", "٣".encode(), "not valid JSON"),
    ("full-width digit", "１２".encode(), "not valid JSON"),
    ("capital True", b"True", "not valid JSON"),
    ("form data", b"amount=1&currency=USD", "not valid JSON"),
    ("foreign space", "\u00a0{}".encode(), "not valid JSON"),
]


@pytest.mark.parametrize(("raw", "value"), ACCEPTED, ids=[raw.decode()[:30] for raw, _ in ACCEPTED])
def test_accepted(raw: bytes, value: object) -> None:
    parsed = parse_json(raw)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(("raw", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(raw: bytes, said: str) -> None:
    with pytest.raises(StrictJsonError) as caught:
        parse_json(raw)
    message = str(caught.value)
    assert said in message
    assert message.endswith(".")
    assert len(message) < 160


@pytest.mark.parametrize(
    "text", ["0", "-0", "5", "-5", "1.50", "1e3", "1E+400", "1e-6000000", "9" * 20, "0." + "1" * 99]
)
def test_a_number_stays_the_text_it_was(text: str) -> None:
    parsed = parse_json(text.encode())
    assert type(parsed) is NumberText
    assert parsed == text


def test_a_string_of_digits_is_no_number() -> None:
    parsed = parse_json(b'["5", 5]')
    assert isinstance(parsed, list)
    assert [type(item) for item in parsed] == [str, NumberText]


def test_a_long_duplicated_key_is_cut_in_the_message() -> None:
    key = "k" * 10_000
    with pytest.raises(StrictJsonError) as caught:
        parse_json(json.dumps({key: 1}).replace("}", f', "{key}": 2}}').encode())
    assert "k" * 40 + "..." in str(caught.value)
    assert len(str(caught.value)) < 120


def test_a_duplicated_key_cannot_write_into_a_log() -> None:
    with pytest.raises(StrictJsonError) as caught:
        parse_json(b'{"a\\nb\\ud800": 1, "a\\nb\\ud800": 2}')
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


def test_the_error_does_not_carry_the_body() -> None:
    for raw in (b'{"password": "secret" x', b'{"password": "secret\xff"}'):
        with pytest.raises(StrictJsonError) as caught:
            parse_json(raw)
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def nest(depth: int, opening: str = "[", closing: str = "]", inside: str = "") -> bytes:
    return (opening * depth + inside + closing * depth).encode()


@pytest.mark.parametrize(
    ("opening", "closing", "inside"), [("[", "]", ""), ('{"a":', "}", "1"), ('[{"]}":', "}]", "[]")]
)
def test_nesting_is_counted_exactly(opening: str, closing: str, inside: str) -> None:
    levels = opening.count("[") + opening.count("{")
    fitting = (MAX_DEPTH - inside.count("[")) // levels
    assert parse_json(nest(fitting, opening, closing, inside)) is not None
    for depth in (fitting + 1, 100, 1_000, 100_000):
        with pytest.raises(StrictJsonError, match="20 levels"):
            parse_json(nest(depth, opening, closing, inside))
        with pytest.raises(StrictJsonError):
            parse_json((opening * depth).encode())


@pytest.mark.parametrize(
    "text",
    ["[" * 100, "]" * 100, '"' + "[{" * 50, "\\" * 7 + "[" * 50, '\\"' * 9 + "{" * 50, "[]{}" * 99],
    ids=["openings", "closings", "quote first", "backslashes", "quotes", "pairs"],
)
def test_brackets_inside_strings_are_not_nesting(text: str) -> None:
    value = {text: [text, {"x": text}]}
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "cloak", ['"]]]]]]]]]]"', '"\\"]]]]]]]]]]"', '"\\\\"', '"\\\\\\"]]]]]]]]]]"', '"[\\\\","]]]]]]]]]]"']
)
def test_brackets_inside_strings_do_not_hide_nesting(cloak: str) -> None:
    fitting = f"[{cloak}," * (MAX_DEPTH - 1) + "[]" + "]" * (MAX_DEPTH - 1)
    assert parse_json(fitting.encode())
    with pytest.raises(StrictJsonError, match="20 levels"):
        parse_json(f"[{fitting}]".encode())


def test_width_is_not_depth() -> None:
    value = {"items": [{"metadata": {"k": str(index)}, "tags": [[]]} for index in range(1000)]}
    assert parse_json(json.dumps(value).encode()) == value


HEAVY = {
    "opening brackets": b"[" * (4 * MEBIBYTE),
    "opening braces": b"{" * (4 * MEBIBYTE),
    "objects in objects": b'{"a":' * (MEBIBYTE * 4 // 5),
    "closing brackets": b"[" * 21 + b"]" * (4 * MEBIBYTE),
    "pairs of brackets": b"[" + b"[]," * (4 * MEBIBYTE // 3) + b"[]]",
    "pairs of braces": b"[" + b"{}," * (4 * MEBIBYTE // 3) + b"{}]",
    "quotes": b"[" * 21 + b'"' * (4 * MEBIBYTE),
    "escaped quotes": b'"' + b'\\"' * (2 * MEBIBYTE),
    "escaped quotes with brackets": b'["' + b'\\"[' * MEBIBYTE + b'"]',
    "backslashes": b'"' + b"\\" * (4 * MEBIBYTE) + b'"',
    "brackets and backslashes": b"[" * 20 + b"\\" * (4 * MEBIBYTE) + b"[",
    "digits": b"1" * (4 * MEBIBYTE),
    "a fraction": b"1." + b"1" * (4 * MEBIBYTE),
    "an exponent": b"1e" + b"9" * (4 * MEBIBYTE),
    "minus signs": b"-" * (4 * MEBIBYTE),
    "spaces": b" " * (4 * MEBIBYTE),
    "lines": b"\n" * (4 * MEBIBYTE) + b"x",
    "NUL escapes": b'["' + b"\\u0041" * (MEBIBYTE // 2) + b'\\u0000"]',
    "many strings and one surrogate": b"[" + b'"a",' * MEBIBYTE + b'"\\ud800"]',
    "many keys and a duplicate": ("{" + "".join(f'"{n}":1,' for n in range(300_000)) + '"7":1}').encode(),
}


@pytest.mark.parametrize("raw", HEAVY.values(), ids=HEAVY.keys())
def test_four_mebibytes_of_anything_are_read_or_refused(raw: bytes) -> None:
    try:
        parse_json(raw)
    except StrictJsonError as error:
        assert len(str(error)) < 160  # noqa: PT017


def measure_depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(measure_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(measure_depth, value), default=0)
    return 0


json_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | json_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_texts, inner, max_size=4),
    max_leaves=30,
)


@given(json_values, st.booleans())
def test_what_is_written_reads_back_equal(value: object, ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    if measure_depth(value) <= MAX_DEPTH:
        assert parse_json(raw) == value
    else:
        with pytest.raises(StrictJsonError):
            parse_json(raw)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back_equal(number: float) -> None:
    text = json.dumps(number)
    assert parse_json(text.encode()) == NumberText(text)


@given(st.lists(st.sampled_from(['"', "\\", "[", "]", "{", "}", ",", ":", "a", "1", "\\u0000", "\\ud83d\\ude00", " "])))
@example(["[", "\\", '"', "["])
def test_agrees_with_the_standard_reader(pieces: list[str]) -> None:
    """What is taken reads the same as in the standard library; what is no JSON here is none there."""
    text = "".join(pieces)
    try:
        parsed = parse_json(text.encode())
    except StrictJsonError as error:
        if "not valid JSON" in str(error) or "empty" in str(error):  # noqa: PT017
            with pytest.raises(json.JSONDecodeError):
                json.loads(text)
        return
    assert parsed == json.loads(text, parse_int=NumberText, parse_float=NumberText)


@given(st.binary(max_size=60))
@example(b"\xff\xfe")
@example(b"\x00")
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    try:
        parse_json(raw)
    except StrictJsonError as error:
        assert str(error)  # noqa: PT017
