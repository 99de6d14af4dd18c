"""The page writes numbers and ages as the chat, the terminal and the pictures do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.async_api import Browser

from liqalert.render import numbers
from tests.web.browser.reader import BROWSER_TEST, reading
from tests.web.browser.stage import address
from tests.web.rig import Rig, serving

CASES: dict[str, dict[float, str]] = {
    "usd": {
        0.0: "0 USD",
        0.5: "0 USD",
        950.5: "950 USD",
        951.5: "952 USD",
        999.4: "999 USD",
        999.5: "1.00k USD",
        4_123.0: "4.12k USD",
        41_234.0: "41.2k USD",
        412_345.0: "412k USD",
        412_500.0: "412k USD",
        413_500.0: "414k USD",
        999_499.9: "999k USD",
        999_500.0: "1.00M USD",
        12_345_678.0: "12.3M USD",
        12_350_000.0: "12.4M USD",
        12_450_000.0: "12.4M USD",
        999_999_999.0: "1.00B USD",
        23_450_000_000.0: "23.4B USD",
        1_234_567_000_000.0: "1,230B USD",
    },
    "price": {
        0.00001234: "0.00001234",
        0.00001234565: "0.0000123456",
        1.0: "1",
        1.5: "1.5",
        1.000004: "1",
        1.000005: "1.00001",
        1.015625: "1.01562",
        999.9996: "1,000",
        2_500.25: "2,500.25",
        61_234.5: "61,234.5",
        99_999.96: "100,000",
        100_000.5: "100,000",
        1_234_567.0: "1,234,567",
    },
    "percent": {
        0.0: "0 %",
        0.00046: "0.0005 %",
        0.004: "0.004 %",
        0.01: "0.01 %",
        0.0951: "0.1 %",
        0.125: "0.12 %",
        0.375: "0.38 %",
        0.93: "0.93 %",
        1.0: "1 %",
        10.0: "10 %",
        12.345: "12.35 %",
    },
    "age": {
        -3.0: "0 s",
        0.5: "1 s",
        59.4: "59 s",
        59.5: "1 min",
        90.0: "2 min",
        5_399.0: "90 min",
        5_400.0: "2 h",
        172_799.0: "48 h",
        172_800.0: "2 d",
    },
    "strength": {0.0: "0.00", 0.125: "0.12", 0.375: "0.38", 0.845: "0.84", 0.999: "1.00"},
}
RANGES = {
    (61_000.0, 61_500.5): "61,000 to 61,500.5",
    (61_000.0, 61_000.0): "61,000",
    (123_456.1, 123_456.4): "123,456",
    (0.00001, 0.000010002): "0.00001 to 0.000010002",
}
PYTHON: dict[str, Callable[[float], str]] = {
    "usd": numbers.usd,
    "price": numbers.price,
    "percent": numbers.percent,
    "age": numbers.age,
    "strength": numbers.strength,
}
WRITTEN = """async ([kind, values]) => {
  const words = await import("/static/words.js");
  const asked = (value) => (kind === "strength" ? { strength: value, calibrated: true } : value);
  return values.map((value) => words[kind](asked(value)).replace("\\u00a0", " "));
}"""

WRITTEN_RANGES = """async (ranges) => {
  const { priceRange } = await import("/static/words.js");
  return ranges.map(([low, high]) => priceRange(low, high));
}"""
SEEN = """async (shares) => {
  const { cellInWords } = await import("/static/words.js");
  const grid = { start: 0, column_s: 60, columns: shares.length, watched: shares };
  return shares.map((_, column) => cellInWords(grid, { column, low: 99, high: 100 }).split(": ")[1]);
}"""


@pytest.mark.parametrize("kind", CASES)
def test_the_chat_writes_them_so(kind: str) -> None:
    assert {value: PYTHON[kind](value) for value in CASES[kind]} == CASES[kind]


def test_the_chat_names_a_price_once_where_both_read_the_same() -> None:
    assert {each: numbers.NumberStyle.POINT.price_range(*each) for each in RANGES} == RANGES
    assert numbers.NumberStyle.COMMA.price_range(61_000.0, 61_500.5) == "61.000 to 61.500,5"


class TestThePage:
    pytestmark = BROWSER_TEST

    async def test_writes_them_so_too(self, browser: Browser, rig: Rig) -> None:
        async with serving(rig) as client, reading(browser, address(client.port)) as reader:
            written = {
                kind: dict(zip(cases, await reader.page.evaluate(WRITTEN, [kind, list(cases)]), strict=True))
                for kind, cases in CASES.items()
            }

        assert written == CASES

    async def test_names_a_price_once_where_both_read_the_same(self, browser: Browser, rig: Rig) -> None:
        async with serving(rig) as client, reading(browser, address(client.port)) as reader:
            written = await reader.page.evaluate(WRITTEN_RANGES, list(map(list, RANGES)))

        assert dict(zip(RANGES, written, strict=True)) == RANGES

    async def test_says_of_no_share_of_time_that_it_is_all_or_nothing(self, browser: Browser, rig: Rig) -> None:
        async with serving(rig) as client, reading(browser, address(client.port)) as reader:
            words = await reader.page.evaluate(SEEN, [0.996, 0.995, 0.5, 0.004, 0.0])

        assert words == [
            "nothing stands",
            "nothing stands; only 99 % of this time was watched",
            "nothing stands; only 50 % of this time was watched",
            "nothing stands; only 1 % of this time was watched",
            "not watched",
        ]
