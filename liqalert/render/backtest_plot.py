"""The shares of a backtest as a picture: each with its interval, and the random levels beside it."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from liqalert.core.evaluation import Figures, Share
from liqalert.render.numbers import a_day, counted

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

WIDTH, ROW, TOP, LEFT = 1000, 44, 96, 250
PANEL = 230
INK, PALE, OURS, RANDOM = "#1b1f24", "#c9d1d9", "#0b5fa5", "#c2571a"
"""Blue and orange are told apart by everybody; the marks differ too: a dot with a bar, and a line."""


def backtest_png(found: Sequence[Figures], title: str) -> bytes:
    """PNG, 1000 pixels wide."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (WIDTH, TOP + ROW * len(found) + 40), "white")
    draw = ImageDraw.Draw(image)
    draw.font = ImageFont.load_default(16)
    draw.text((16, 12), title, fill=INK)
    draw.text((16, 38), "dot and bar: alerts, with 95 % interval    line: random levels at the same distance", fill=INK)
    for panel, name in enumerate(("touched", "swept", "held")):
        draw.text((LEFT + panel * (PANEL + 15), TOP - 26), f"{name}, 0 to 100 %", fill=INK)
    for number, figures in enumerate(found):
        _row(draw, TOP + number * ROW, figures)
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _row(draw: ImageDraw, top: int, figures: Figures) -> None:
    ours, random = figures.alerted, figures.random
    draw.text((16, top + 4), f"{figures.distance_pct:g} %, strength {figures.min_strength:g}", fill=INK)
    alerts = counted(figures.alerts, "alert")
    told = alerts if figures.per_day is None else f"{alerts}, {a_day(figures.per_day)} a day"
    draw.text((16, top + 22), told, fill=INK)
    pairs = ((ours.touched, random.touched), (ours.swept, random.swept), (ours.held, random.held))
    for panel, (alerted, control) in enumerate(pairs):
        _bar(draw, LEFT + panel * (PANEL + 15), top + ROW // 2, alerted, control)


def _bar(draw: ImageDraw, left: int, middle: int, ours: Share, random: Share) -> None:
    draw.rectangle((left, middle - 12, left + PANEL, middle + 12), outline=PALE)
    if random.value is not None:
        x = left + round(random.value * PANEL)
        draw.line((x, middle - 12, x, middle + 12), fill=RANDOM, width=3)
    if ours.value is not None:
        low, high = (left + round(edge * PANEL) for edge in ours.interval)
        draw.line((low, middle, high, middle), fill=OURS, width=4)
        x = left + round(ours.value * PANEL)
        draw.ellipse((x - 6, middle - 6, x + 6, middle + 6), fill=OURS)
