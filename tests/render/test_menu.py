"""The menu of /settings, in words."""

from __future__ import annotations

import pytest

from liqalert.core.rules import RuleKind
from liqalert.render.menu import MAIN, Estimate, MenuFacts, menu
from liqalert.render.numbers import NumberStyle


def last_line(estimate: Estimate, numbers: NumberStyle = NumberStyle.POINT) -> str:
    facts = MenuFacts({RuleKind.NEAR: "loud"}, 1.0, 0.6, None, numbers.value, estimate)
    return menu(MAIN, facts).text.plain.splitlines()[-1]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (NumberStyle.POINT, "About 1.3 near alerts a day on BTCUSDT, ETHUSDT, by the last 6.9 days."),
        (NumberStyle.COMMA, "About 1,3 near alerts a day on BTCUSDT, ETHUSDT, by the last 6,9 days."),
    ],
)
def test_the_estimate_is_written_as_every_number_of_this_chat(numbers: NumberStyle, words: str) -> None:
    assert last_line(Estimate(1.3, 6.9, ("BTCUSDT", "ETHUSDT")), numbers) == words


def test_alerts_that_are_rare_are_not_none_a_day() -> None:
    assert last_line(Estimate(0.04, 7.0, ("BTCUSDT",))).startswith("About 0.04 near alerts a day")


def test_of_many_instruments_a_few_are_named() -> None:
    """Else the line of one who watches hundreds would be longer than a message can be."""
    said = last_line(Estimate(12.0, 7.0, [f"COIN{number}USDT" for number in range(500)]))

    assert said == "About 12.0 near alerts a day on COIN0USDT, COIN1USDT, COIN2USDT and 497 more, by the last 7.0 days."
