from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.render import numbers


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0.0, "0 USD"),
        (950.0, "950 USD"),
        (999.6, "1.00k USD"),
        (41_234.0, "41.2k USD"),
        (412_345.0, "412k USD"),
        (999_600.0, "1.00M USD"),
        (1_240_000.0, "1.24M USD"),
        (23_450_000_000.0, "23.4B USD"),
    ],
)
def test_usd_has_three_significant_digits(amount: float, shown: str) -> None:
    assert numbers.usd(amount) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (61_234.5, "61,234.5"),
        (61_234.0, "61,234"),
        (2_500.25, "2,500.25"),
        (1_234_567.0, "1,234,567"),
        (1.5, "1.5"),
        (0.00001234, "0.00001234"),
        (99_999.96, "100,000"),
    ],
)
def test_price_has_six_significant_digits_and_no_exponent(value: float, shown: str) -> None:
    assert numbers.price(value) == shown


@given(st.floats(1e-12, 1e12))
def test_shown_price_is_the_price_to_six_digits(value: float) -> None:
    assert float(numbers.price(value).replace(",", "")) == pytest.approx(value, rel=5.1e-6)


@pytest.mark.parametrize(("value", "shown"), [(0.93, "0.93 %"), (1.0, "1 %"), (0.004, "0.004 %"), (0.0, "0 %")])
def test_percent(value: float, shown: str) -> None:
    assert numbers.percent(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3.0, "0 s"),
        (12.0, "12 s"),
        (59.6, "1 min"),
        (300.0, "5 min"),
        (5_399.0, "90 min"),
        (5_401.0, "2 h"),
        (18_000.0, "5 h"),
        (259_200.0, "3 d"),
    ],
)
def test_age_is_one_number_and_one_unit(seconds: float, shown: str) -> None:
    assert numbers.age(seconds) == shown


@pytest.mark.parametrize(
    ("zone", "now", "shown"),
    [
        ("UTC", None, "14:05 UTC"),
        ("UTC", 1_763_823_900.0, "14:05 UTC"),
        ("UTC", 1_763_900_000.0, "22 Nov 14:05 UTC"),
        ("Europe/Berlin", None, "15:05 CET"),
        ("America/Sao_Paulo", None, "11:05 UTC-03"),
        ("Pacific/Auckland", 1_763_820_301.0, "03:05 NZDT"),
    ],
)
def test_time_names_its_zone_and_another_day_its_date(zone: str, now: float | None, shown: str) -> None:
    assert numbers.clock_time(1_763_820_300.0, zone, now) == shown


def test_strength_without_calibration_carries_a_question_mark() -> None:
    assert numbers.strength(0.844) == "0.84"
    assert numbers.strength(0.844, calibrated=False) == "0.84?"


@pytest.mark.parametrize(
    ("names", "shown"),
    [("a", "a"), ("abc", "a, b, c"), ("abcd", "a, b, c and 1 more"), ("abcdef", "a, b, c and 3 more")],
)
def test_of_many_names_three_are_given(names: str, shown: str) -> None:
    assert numbers.first_few(names) == shown


@pytest.mark.parametrize(("number", "shown"), [(0, "0 gaps"), (1, "1 gap"), (2000, "2,000 gaps")])
def test_one_of_something_is_singular(number: int, shown: str) -> None:
    assert numbers.counted(number, "gap") == shown
    assert numbers.NumberStyle.COMMA.counted(number, "gap") == shown.replace(",", ".")


def test_escape_keeps_a_foreign_string_on_one_line_and_readable() -> None:
    assert numbers.escape("a<b>&c\nd\x00\u202e\ud800") == "a&lt;b&gt;&amp;c d\ufffd\ufffd\ufffd"


@given(st.text())
def test_one_line_holds_what_was_there_but_for_what_cannot_be_shown(text: str) -> None:
    line = numbers.one_line(text)

    assert not {unicodedata.category(char) for char in line} & {"Cc", "Cf", "Cs"}
    assert len(line) == len(" ".join(text.split()))
    assert all(shown in (char, "\ufffd") for shown, char in zip(line, " ".join(text.split()), strict=True))
    kept = [char for char in text if not char.isspace() and unicodedata.category(char) not in ("Cc", "Cf", "Cs")]
    assert [char for char in line if char not in " \ufffd"] == [char for char in kept if char != "\ufffd"]
