"""Amounts: what is read, what is refused, and that nothing is lost on the way out and back."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wallet_app.api.strict_json import NumberText, parse_json
from wallet_app.errors import InvalidAmount
from wallet_app.money import (
    CURRENCIES,
    Currency,
    format_amount,
    get_currency,
    parse_amount,
    parse_amount_or_zero,
)

USD, JPY, KWD, CLF = (get_currency(code) for code in ("USD", "JPY", "KWD", "CLF"))

ACCEPTED = [
    ("50", USD, "50.00"),
    ("50.0", USD, "50.00"),
    ("50.00", USD, "50.00"),
    ("0.01", USD, "0.01"),
    ("0.1", USD, "0.10"),
    ("10", USD, "10.00"),
    ("99999999999999.99", USD, "99999999999999.99"),
    ("1", JPY, "1"),
    ("99999999999999", JPY, "99999999999999"),
    ("1.005", KWD, "1.005"),
    ("7", KWD, "7.000"),
    ("0.0001", CLF, "0.0001"),
    ("99999999999999.9999", CLF, "99999999999999.9999"),
]

REFUSED_TEXTS = [
    "1e3", "1E3", "1e-2", "1e400", "1e6000000", " 1", "1 ", "1\n", "\n1", "\t1", "1_000", "1,000", "1 000",
    "1,5", "٣", "1٣", "１２", "1２", "１.5", "1.٣", "১", "²", "½", "五", "+5", "-5", "-0", "-0.01", "+0",
    "−5", "", " ", ".", ".5", "5.", "1.2.3", "1..2", "00", "01", "00.5", "007", "0x10", "0b1", "0o7", "1f",
    "$5", "5USD", "NaN", "nan", "sNaN", "Infinity", "-Infinity", "inf", "null", "true", "1\x00", "\x001",
    "\ud800", "1\u200b", "1\u00a0", "\ufeff1", "100000000000000", "9" * 19, "9" * 20, "9" * 5000,
    "1.00000", "0.00001", "1." + "0" * 5000,
]  # fmt: skip

REFUSED_TYPES = [
    True, False, None, [], {}, ["1"], {"amount": "1"}, 1, 0, -1, 10**30, 1.5, 1e400, float("nan"), b"1",
    Decimal("1"), ("1",),
]  # fmt: skip


@pytest.mark.parametrize(("text", "currency", "shown"), ACCEPTED)
def test_accepted(text: str, currency: Currency, shown: str) -> None:
    for form in (text, NumberText(text)):
        amount = parse_amount(form, currency)
        assert type(amount) is Decimal
        assert amount == Decimal(text)
        assert format_amount(amount, currency) == shown


@pytest.mark.parametrize("parse", [parse_amount, parse_amount_or_zero])
@pytest.mark.parametrize("text", REFUSED_TEXTS, ids=lambda text: ascii(text)[:24])
def test_refused_texts(parse: Callable[..., Decimal], text: str) -> None:
    for form in (text, NumberText(text)):
        with pytest.raises(InvalidAmount):
            parse(form, CLF)


@pytest.mark.parametrize("parse", [parse_amount, parse_amount_or_zero])
@pytest.mark.parametrize("value", REFUSED_TYPES, ids=repr)
def test_refused_types(parse: Callable[..., Decimal], value: object) -> None:
    with pytest.raises(InvalidAmount):
        parse(value, USD)


@pytest.mark.parametrize(
    ("text", "currency"),
    [("1.0", JPY), ("1.5", JPY), ("0.0", JPY), ("1.005", USD), ("1.000", USD), ("1.0005", KWD)],
)
def test_more_fraction_digits_than_the_currency_has(text: str, currency: Currency) -> None:
    for parse in (parse_amount, parse_amount_or_zero):
        with pytest.raises(InvalidAmount) as caught:
            parse(text, currency)
        assert currency.code in caught.value.detail


@pytest.mark.parametrize("text", ["0", "0.0", "0.00"])
def test_zero_is_refused_as_an_amount_and_taken_as_a_limit(text: str) -> None:
    with pytest.raises(InvalidAmount) as caught:
        parse_amount(text, USD)
    assert "zero" in caught.value.detail
    assert parse_amount_or_zero(text, USD) == 0
    assert format_amount(parse_amount_or_zero(text, USD), USD) == "0.00"


@pytest.mark.parametrize(
    "body",
    [
        b"true", b"null", b"[]", b"{}", b"1e400", b"-5", b"-0", b"0", b"1e3", b"1E+2", b"1.005",
        b"9999999999999999999", b'"\\u0661"', b'""', b"9" * 100_000,
    ],
    ids=lambda body: body[:20].decode(),
)  # fmt: skip
def test_json_values_that_are_no_amount(body: bytes) -> None:
    with pytest.raises(InvalidAmount):
        parse_amount(parse_json(body), USD)


def test_a_json_number_keeps_every_digit() -> None:
    assert parse_amount(parse_json(b"99999999999999.99"), USD) == Decimal("99999999999999.99")
    assert parse_amount(parse_json(b"0.1"), USD) == Decimal("0.1")


def test_the_error_names_the_field_it_was_asked_about() -> None:
    for text in ("x", "0", "1.234"):
        with pytest.raises(InvalidAmount) as caught:
            parse_amount(text, USD, field="items.3.amount")
        assert caught.value.details == {"fields": {"items.3.amount": caught.value.detail}}
    with pytest.raises(InvalidAmount) as caught:
        parse_amount_or_zero(None, USD, field="overdraft_limit")
    assert caught.value.details == {"fields": {"overdraft_limit": caught.value.detail}}


def test_a_refused_text_is_not_repeated_to_the_client() -> None:
    with pytest.raises(InvalidAmount) as caught:
        parse_amount("7" * 100_000, USD)
    assert len(caught.value.detail) < 200


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        ("0", USD, "0.00"), ("0", JPY, "0"), ("0", CLF, "0.0000"), ("0E+3", USD, "0.00"),
        ("0E-9", USD, "0.00"), ("-0", USD, "0.00"), ("-0.00", USD, "0.00"), ("-0", JPY, "0"),
        ("-0.0000", KWD, "0.000"), ("-5", USD, "-5.00"), ("-0.01", USD, "-0.01"), ("5.0000", USD, "5.00"),
        ("5.0000", JPY, "5"), ("1E+3", USD, "1000.00"), ("1E+3", JPY, "1000"), ("12.3400", USD, "12.34"),
        ("1E+20", JPY, "100000000000000000000"), ("9" * 24 + ".9999", CLF, "9" * 24 + ".9999"),
        ("-" + "9" * 40 + ".99", USD, "-" + "9" * 40 + ".99"),
    ],
)  # fmt: skip
def test_format(value: str, currency: Currency, shown: str) -> None:
    assert format_amount(Decimal(value), currency) == shown


@pytest.mark.parametrize(
    ("value", "currency"),
    [
        ("1.005", USD), ("0.001", USD), ("-0.001", USD), ("1.5", JPY), ("0.5", JPY), ("1.0001", KWD),
        ("1E-9", CLF), ("1E-6000", USD), ("1E+6000", USD), ("NaN", USD), ("-NaN", USD), ("sNaN", USD),
        ("Infinity", USD), ("-Infinity", JPY),
    ],
)  # fmt: skip
def test_format_never_rounds(value: str, currency: Currency) -> None:
    with pytest.raises(ValueError, match=currency.code):
        format_amount(Decimal(value), currency)


currencies = st.sampled_from(list(CURRENCIES.values()))


@given(data=st.data(), currency=currencies)
def test_what_is_formatted_reads_back_equal(data: st.DataObject, currency: Currency) -> None:
    units = data.draw(st.integers(1, 10 ** (14 + currency.digits) - 1))
    amount = Decimal(units).scaleb(-currency.digits)
    text = format_amount(amount, currency)
    assert parse_amount(text, currency) == amount
    whole, _, fraction = text.partition(".")
    assert len(fraction) == currency.digits
    assert int(whole + fraction) == units


@given(text=st.from_regex(r"\A(0|[1-9][0-9]{0,13})(\.[0-9]{1,4})?\Z"), currency=currencies)
def test_text_of_the_grammar_is_read_exactly_or_refused(text: str, currency: Currency) -> None:
    fits = len(text.partition(".")[2]) <= currency.digits
    try:
        amount = parse_amount_or_zero(text, currency)
    except InvalidAmount:
        assert not fits
        return
    assert fits
    whole, _, fraction = text.partition(".")
    padded = fraction.ljust(currency.digits, "0")
    assert format_amount(amount, currency) == (f"{whole}.{padded}" if padded else whole)


@given(text=st.text(alphabet=st.sampled_from("0123456789.eE+-_ ,x\n٣１\x00"), max_size=24))
@example("1\n")
@example("0.0")
def test_only_the_grammar_is_read(text: str) -> None:
    """An independent reading of the grammar, by hand instead of by pattern."""
    whole, point, fraction = text.partition(".")
    digits = set("0123456789")
    valid = (
        1 <= len(whole) <= 14
        and set(whole) <= digits
        and (whole == "0" or whole[0] != "0")
        and (not point or (1 <= len(fraction) <= 4 and set(fraction) <= digits))
    )
    try:
        parse_amount_or_zero(text, CLF)
    except InvalidAmount:
        assert not valid
    else:
        assert valid


@given(st.decimals(allow_nan=True, allow_infinity=True), currencies)
def test_any_decimal_is_shown_exactly_or_not_at_all(value: Decimal, currency: Currency) -> None:
    try:
        text = format_amount(value, currency)
    except ValueError:
        return
    assert Decimal(text) == value
    assert "E" not in text
    assert len(text.partition(".")[2]) == currency.digits
    assert not (text.startswith("-") and value == 0)
