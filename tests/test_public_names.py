"""`import liqalert` is cheap, and everything public is there when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import liqalert
from tests.library.rig import python

HEAVY = ("aiohttp", "apscheduler", "matplotlib", "numpy", "pydantic", "sqlalchemy", "telegram")
ROUNDS = 5


def import_us(what: str) -> float:
    """The least of several cumulative import times, in microseconds: whatever else the machine does only adds."""
    code = f"import time; began = time.perf_counter(); {what}; print((time.perf_counter() - began) * 1e6)"
    return min(
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=30).stdout)
        for _ in range(ROUNDS)
    )


@pytest.mark.parametrize(
    "what", ["import liqalert", "from liqalert import LiquidationHunter, LiveLiquidationHeatmap, to_frame"]
)
def test_import_costs_at_most_four_times_what_asyncio_and_json_cost(what: str) -> None:
    assert import_us(what) <= 4.0 * import_us("import asyncio, json")


@pytest.mark.parametrize(
    "what",
    [
        "import liqalert",
        "from liqalert import *",
        "import liquidation_hunter, live_liquidation_heatmap",
        "import liqalert; liqalert.LiquidationHunter(); liqalert.LiveLiquidationHeatmap()",
    ],
)
def test_nothing_heavy_is_imported_before_it_is_used(what: str, tmp_path: Path) -> None:
    code = f"import sys\n{what}\nprint([name for name in {HEAVY} if name in sys.modules])"

    ended = python("-c", code, environ={}, cwd=tmp_path)

    assert (ended.stdout, ended.stderr) == ("[]\n", "")


def test_the_daemon_starts_without_what_it_may_never_need(tmp_path: Path) -> None:
    rarely = ("PIL", "sqlalchemy.dialects.postgresql", "tqdm", "liqalert.app.replay")
    code = f"import sys, liqalert.app.lifecycle; print([name for name in {rarely} if name in sys.modules])"

    assert python("-c", code, environ={}, cwd=tmp_path).stdout == "[]\n"


def test_every_public_name_is_found_and_listed() -> None:
    assert set(liqalert.__all__) == set(liqalert._HOMES)
    assert [name for name in liqalert.__all__ if getattr(liqalert, name).__name__ != name] == []
    assert set(liqalert.__all__) <= set(dir(liqalert))
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = liqalert.Nothing  # type: ignore[attr-defined]


def test_help_tells_what_there_is_and_explains_each_argument(tmp_path: Path) -> None:
    shown = python("-c", "import liqalert; help(liqalert)", environ={"PAGER": "cat"}, cwd=tmp_path).stdout

    assert shown.startswith("Help on package liqalert:")
    assert "class LiveLiquidationHeatmap(" in shown
    assert "class LiquidationHunter(" in shown
    assert "a fraction, 0.02 is 2 %" in shown
    assert "to_frame(clusters" in shown
    assert "It is where the level lies and no forecast" in " ".join(shown.split()).replace("| ", "")
