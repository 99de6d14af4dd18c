"""A program that ends while a stream runs ends at once, and says nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.library.rig import python, simulated

# Programs of their own, which a busy machine may keep waiting.
pytestmark = pytest.mark.timeout(150)

RUNNING = """\
from liqalert import LiveLiquidationHeatmap
heatmap = LiveLiquidationHeatmap(update_interval=0.2)
heatmap.on_liquidation(print)
heatmap.start_stream()
heatmap.wait_until_live(40)
"""
ENDINGS = {
    "by its last line": RUNNING,
    "before anything has been imported": RUNNING.replace("heatmap.wait_until_live(40)\n", ""),
    "while the name server is silent": (
        "import socket, time\nsocket.getaddrinfo = lambda *_, **__: time.sleep(600)\n"
        "import os\nos.environ['LIQALERT_BINANCE__WS_URL'] = 'ws://nowhere.invalid/market'\n"
        + RUNNING.replace("heatmap.wait_until_live(40)", "time.sleep(3)")
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_it_ends_in_time_without_a_traceback(ending: str, tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(ENDINGS[ending] + "import time\nprint('END', time.time(), flush=True)\n")

    with simulated() as environ:
        ended = python(str(file), environ=environ, cwd=tmp_path, timeout_s=120)
        gone_at = time.time()  # noqa: TID251 - of two processes

    assert (ended.returncode, ended.stderr) == (0, "")
    [end] = [line for line in ended.stdout.splitlines() if line.startswith("END")]
    assert gone_at - float(end.split()[1]) < 15.0
