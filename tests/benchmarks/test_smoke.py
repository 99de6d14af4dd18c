"""Every benchmark runs, once and tiny. What it measures then means nothing."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import median

import msgspec
import pytest

from tests.benchmarks import heatmap
from tests.benchmarks.__main__ import GROUPS
from tests.benchmarks.harness import Figure, Question, Scale
from tests.benchmarks.report import table, write_json


@pytest.mark.parametrize("group", GROUPS)
def test_every_figure_of_the_group_is_finite(group: str) -> None:
    found = list(GROUPS[group](Scale(tiny=True)))

    assert found
    assert all(math.isfinite(ratio) for figure in found for ratio in figure.ratios)
    # An exponent, which has no unit, may be anything where nothing but noise is measured.
    assert all(ratio > 0.0 for figure in found if figure.question.unit for ratio in figure.ratios)


def test_the_ratio_is_the_median_of_the_rounds_ratios(tmp_path: Path) -> None:
    figure = Figure(Question("ours", "theirs", "us"), ours=(2.0, 30.0, 8.0), peer=(1.0, 10.0, 2.0))

    write_json([figure], tmp_path / "figures.json")
    [written] = msgspec.json.decode((tmp_path / "figures.json").read_bytes())["figures"]

    assert written["ratio"] == {"median": 3.0, "min": 2.0, "max": 4.0}
    assert "| ours | theirs  |         | 3     | 2 .. 4     |         |              | 8, 2 us" in table([figure])


@pytest.mark.parametrize(("at_most", "verdict"), [(3.0, "reached"), (2.5, "nearly"), (2.3, "missed"), (None, "")])
def test_a_verdict_allows_for_a_quarter_of_noise(at_most: float | None, verdict: str) -> None:
    figure = Figure(Question("ours", "theirs", "us", at_most), ours=(2.0, 30.0, 8.0), peer=(1.0, 10.0, 2.0))

    assert figure.verdict == verdict


@pytest.mark.parametrize(("floor", "verdict"), [(7.0, "at its floor"), (5.0, "missed")])
def test_beyond_its_target_it_may_be_near_its_floor(floor: float, verdict: str) -> None:
    question = Question("ours", "theirs", "us", 2.0)
    figure = Figure(question, ours=(2.0, 30.0, 8.0), peer=(1.0, 10.0, 2.0), floor=(1.6, 20.0, floor))

    assert figure.verdict == verdict
    assert f"| {verdict} " in table([figure])
    assert figure.above_floor == pytest.approx(median([2.0 / 1.6, 30.0 / 20.0, 8.0 / floor]))


def test_a_heatmap_costs_what_was_promised() -> None:
    """The best of the rounds: other tests run beside this one."""
    built, added = heatmap.figures(Scale())

    assert min(built.ratios) <= 5.0
    assert min(added.ratios) <= 0.01
