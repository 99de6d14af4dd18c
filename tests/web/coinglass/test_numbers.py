from __future__ import annotations

import pytest

from liqalert.web.coinglass.numbers import cents, milliseconds, price, text


@pytest.mark.parametrize(
    ("number", "written"),
    [(61_486.0, "61486"), (61_596.4, "61596.4"), (7.1e-6, "0.0000071"), (1e12, "1000000000000"), (0.0, "0")],
)
def test_a_number_as_text_has_all_its_digits_and_no_exponent(number: float, written: str) -> None:
    assert text(number) == written


def test_a_time_in_milliseconds_is_rounded_and_not_cut() -> None:
    assert milliseconds(1_700_000_000.0029999) == 1_700_000_000_003


def test_a_price_on_the_axis_has_seven_digits() -> None:
    assert (price(35_647.882_345), price(0.001_236_789_12)) == (35_647.88, 0.001_236_789)


def test_sums_lose_what_floating_point_adds() -> None:
    assert cents(0.1 + 0.2) == 0.3
