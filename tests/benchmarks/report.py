"""Figures as a table for people and as JSON for comparisons over time."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec

from tests.benchmarks.harness import Figure

HEAD = (
    "what",
    "against",
    "at most",
    "ratio",
    "min .. max",
    "verdict",
    "of its floor",
    "hint: ours, theirs (this machine, this minute)",
)


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table, one line a figure. The ratio is the median of the rounds' ratios; less is better.

    A verdict is `reached`, `nearly` (up to 25 % beyond the target), `at its floor` (beyond it, but at most 1.3 times
    the least that could be done) or `missed`.
    """
    rows = [HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def write_json(figures: Sequence[Figure], path: Path) -> None:
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    content = {"machine": machine, "figures": [_content(figure) for figure in figures]}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


def _row(figure: Figure) -> tuple[str, ...]:
    question, ratios = figure.question, figure.ratios
    hint = f"{median(figure.ours):,.4g}, {median(figure.peer):,.4g} {question.unit}"
    at_most = "" if question.at_most is None else f"{question.at_most:.4g}"
    spread = f"{min(ratios):.3g} .. {max(ratios):.3g}"
    above = "" if figure.above_floor is None else f"{figure.above_floor:.3g}"
    return question.what, question.against, at_most, f"{figure.ratio:.3g}", spread, figure.verdict, above, hint


def _content(figure: Figure) -> dict[str, object]:
    question, ratios = figure.question, figure.ratios
    return {
        "what": question.what,
        "against": question.against,
        "unit": question.unit,
        "at_most": question.at_most,
        "verdict": figure.verdict,
        "of_its_floor": figure.above_floor,
        "ratio": {"median": figure.ratio, "min": min(ratios), "max": max(ratios)},
        "ours": figure.ours,
        "peer": figure.peer,
        "floor": figure.floor,
    }
