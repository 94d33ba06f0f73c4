"""The currency registry against ISO 4217 list one."""

import pytest

from wallet_app.errors import UnknownCurrency
from wallet_app.money import CURRENCIES, Currency, get_currency

ZERO_DIGITS = set("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
THREE_DIGITS = set("BHD IQD JOD KWD LYD OMR TND".split())
FOUR_DIGITS = {"CLF", "UYW"}


@pytest.mark.parametrize(
    ("digits", "codes"),
    [(0, ZERO_DIGITS), (3, THREE_DIGITS), (4, FOUR_DIGITS)],
    ids=["zero", "three", "four"],
)
def test_currencies_with_other_than_two_digits(digits: int, codes: set[str]) -> None:
    assert {currency.code for currency in CURRENCIES.values() if currency.digits == digits} == codes


@pytest.mark.parametrize("code", "AFN ALL IRR KPW LAK LBP MGA MMK RSD SOS SYP YER UZS ARS USD EUR MYR SGD".split())
def test_two_digits_where_other_tables_say_otherwise(code: str) -> None:
    assert get_currency(code).digits == 2


def test_the_table_is_whole_and_ordered() -> None:
    assert len(CURRENCIES) == 157
    assert list(CURRENCIES) == sorted(CURRENCIES)
    for code, currency in CURRENCIES.items():
        assert currency.code == code
        assert len(code) == 3
        assert code.isascii()
        assert code.isupper()
        assert currency.name
        assert currency.digits in range(5)


@pytest.mark.parametrize("code", "XAF XOF XPF XCD XCG SLE VED VES ZWG STN MRU BYN CLF UYW".split())
def test_active_codes_are_known(code: str) -> None:
    assert get_currency(code) is CURRENCIES[code]


@pytest.mark.parametrize("code", "ANG BGN CUC HRK SLL ZWL VEF BYR MRO STD LTL".split())
def test_withdrawn_codes_are_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        get_currency(code)


@pytest.mark.parametrize("code", "XXX XTS XAU XAG XPT XPD XDR XSU XUA XAD XBA XBB XBC XBD USN CHE CHW BOV".split())
def test_codes_without_accounts_are_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        get_currency(code)


@pytest.mark.parametrize(
    "code",
    ["usd", "Usd", " USD", "USD ", "USD\n", "US", "USDT", "", "\uff35\uff33\uff24", "U\u0405D", "840"]
    + [None, True, 840, 1.5, ["USD"], {"code": "USD"}, b"USD"],
)
def test_anything_but_the_exact_code_is_refused(code: object) -> None:
    with pytest.raises(UnknownCurrency) as caught:
        get_currency(code, field="from_currency")
    assert caught.value.details == {"fields": {"from_currency": caught.value.detail}}


def test_the_registry_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CURRENCIES["XYZ"] = Currency("XYZ", 2, "Nothing")  # type: ignore[index]
    with pytest.raises(AttributeError):
        CURRENCIES["USD"].digits = 3  # type: ignore[misc]
