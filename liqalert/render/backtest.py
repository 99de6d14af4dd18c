"""What a backtest has found, as a table for a terminal, with what it cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from liqalert.core.evaluation import CONTROLS_PER_ALERT, Figures, Share
from liqalert.core.market import UnixTime
from liqalert.render.decisions import iso
from liqalert.render.headline import change_words
from liqalert.render.numbers import NumberStyle, a_day, age

FEW = 30
"""Below so many alerts the intervals are wide enough to hold nearly anything."""
HEAD = (
    "WITHIN",
    "STRENGTH",
    "ALERTS",
    "A DAY",
    "TOUCHED",
    "RANDOM",
    "SWEPT",
    "RANDOM",
    "HELD",
    "RANDOM",
    "TIME",
    "1 H",
)


def backtest_text(
    found: Sequence[Figures], *, began: UnixTime | None, ended: UnixTime | None, days: float, from_fills: bool
) -> str:
    """Shares in per cent with their 95 % interval."""
    if began is None or ended is None:
        return "There are no prices of these instruments in what was given."
    rows = [HEAD, *(_row(figures) for figures in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(chain([_period(began, ended, days), ""], lines, [""], _notes(found, from_fills=from_fills)))


def _period(began: UnixTime, ended: UnixTime, days: float) -> str:
    return f"{iso(began)[:16]} to {iso(ended)[:16]} UTC, of which {days:.2f} days were watched."


def _row(figures: Figures) -> tuple[str, ...]:
    ours, random = figures.alerted, figures.random
    move = figures.median_move_pct
    return (
        f"{figures.distance_pct:g} %",
        f"{figures.min_strength:g}",
        str(figures.alerts),
        a_day(figures.per_day),
        _share(ours.touched),
        _percent(random.touched),
        _share(ours.swept),
        _percent(random.swept),
        _share(ours.held),
        _percent(random.held),
        "-" if figures.median_touch_s is None else age(figures.median_touch_s),
        "-" if move is None else change_words(move, NumberStyle.POINT),
    )


def _share(share: Share) -> str:
    low, high = share.interval
    return "-" if share.value is None else f"{share.value:.0%} ({low * 100:.0f}-{high:.0%})"


def _percent(share: Share) -> str:
    return "-" if share.value is None else f"{share.value:.0%}"


def _notes(found: Sequence[Figures], *, from_fills: bool) -> Iterator[str]:
    if any(figures.per_day is None for figures in found):
        yield "A DAY: left out, because less than a day was watched."
    else:
        yield "A DAY: alerts per watched day."
    yield "Shares are of alerts whose outcome is known, with 95 % intervals (Wilson)."
    yield f"RANDOM: {CONTROLS_PER_ALERT} levels for each alert, at the same distance from price at random moments."
    yield "TIME: median time from alert to touch. 1 H: median move an hour later, + towards the range and beyond."
    still_open = max((figures.still_open for figures in found), default=0)
    if still_open:
        yield f"Up to {still_open} alerts of a row were still open at the end, and count in ALERTS and A DAY only."
    if all(figures.alerts < FEW for figures in found):
        yield f"No row has {FEW} alerts: nothing here tells alerts from random levels. Give more days."
    if from_fills:
        yield "Prices are the liquidations' own fills, because there were no others: touches in between are not seen."
    yield "The grid was looked at as a whole: the best of its rows looks better than it is."
