"""The table of a backtest, to the last sign."""

from __future__ import annotations

from dataclasses import replace

import pytest

from liqalert.core.evaluation import Figures, Share, Shares
from liqalert.render.backtest import backtest_text

T0 = 1_795_392_000.0
"""2026-11-23 00:00 UTC."""
NONE = Shares(Share(0, 0), Share(0, 0), Share(0, 0))
QUIET = Figures(2.0, 0.6, 0, 0, 0.0, NONE, NONE, None, None)
BUSY = Figures(
    distance_pct=0.5,
    min_strength=0.75,
    alerts=42,
    still_open=2,
    per_day=5.25,
    alerted=Shares(Share(30, 40), Share(10, 40), Share(25, 40)),
    random=Shares(Share(400, 800), Share(200, 800), Share(500, 800)),
    median_touch_s=754.0,
    median_move_pct=0.318,
)


def lines(*found: Figures, from_fills: bool = False) -> list[str]:
    return backtest_text(found, began=T0, ended=T0 + 9 * 86_400.0, days=8.0, from_fills=from_fills).splitlines()


def test_a_row_has_each_share_beside_that_of_random_levels() -> None:
    text = lines(BUSY, QUIET)

    assert text[0] == "2026-11-23T00:00 to 2026-12-02T00:00 UTC, of which 8.00 days were watched."
    assert " ".join(text[3].split()) == (
        "0.5 % 0.75 42 5.2 75% (60-86%) 50% 25% (14-40%) 25% 62% (47-76%) 62% 13 min +0.32 %"
    )
    assert " ".join(text[4].split()) == "2 % 0.6 0 0.0 - - - - - - - -"
    assert text[10] == "Up to 2 alerts of a row were still open at the end, and count in ALERTS and A DAY only."
    assert not any("No row has" in each for each in text)


@pytest.mark.parametrize(("move", "words"), [(-0.001, "-0.001 %"), (0.0, "0 %"), (-1.0, "-1 %")])
def test_a_move_is_written_as_everywhere(move: float, words: str) -> None:
    assert lines(replace(BUSY, median_move_pct=move))[3].endswith(f"  {words}")


@pytest.mark.parametrize(
    ("per_day", "words"), [(5.25, "5.2"), (0.14, "0.1"), (1 / 28, "0.04"), (1 / 365, "0.003"), (0.0, "0.0")]
)
def test_alerts_that_are_rare_are_not_none_a_day(per_day: float, words: str) -> None:
    assert lines(replace(BUSY, alerts=1, per_day=per_day))[3].split()[4] == words


def test_less_than_a_day_is_no_measure_of_alerts_a_day() -> None:
    text = lines(replace(BUSY, per_day=None))

    assert text[3].split()[3:5] == ["42", "-"]
    assert "A DAY: left out, because less than a day was watched." in text


def test_what_it_cannot_say_is_said() -> None:
    text = "\n".join(lines(replace(BUSY, alerts=29, still_open=0), from_fills=True))

    assert "No row has 30 alerts" in text
    assert "touches in between are not seen" in text
    assert "still open" not in text


@pytest.mark.parametrize(("began", "ended"), [(None, T0), (T0, None)])
def test_without_prices_there_is_no_table(began: float | None, ended: float | None) -> None:
    text = backtest_text([QUIET], began=began, ended=ended, days=0.0, from_fills=False)

    assert text == "There are no prices of these instruments in what was given."
