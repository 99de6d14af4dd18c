"""A program that ends while a stream runs ends at once, and says nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.library.rig import python, simulated

# Programs of their own, which a busy machine may keep waiting.

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


FORKED = """
import os, time
from liqalert import LiveLiquidationHeatmap

heatmap = LiveLiquidationHeatmap(update_interval=1, when_blind="ignore")
heatmap.start_stream(["BTCUSDT"])
heatmap.wait_until_live(30)
if child := os.fork():
    os.waitpid(child, 0)
    print(heatmap.status().alive, len(heatmap.status().gaps))
else:
    time.sleep(7)
    print(heatmap.status().alive, heatmap.status().problem)
    heatmap.start_stream(["BTCUSDT"])
    heatmap.wait_until_live(30)
    print([(gap.end - gap.start).total_seconds() > 5 for gap in heatmap.status().gaps], flush=True)
    os._exit(0)
"""


def test_a_process_that_is_forked_has_no_stream_and_a_gap_until_it_begins_one(tmp_path: Path) -> None:
    """As under a server that loads the program once and forks its workers."""
    with simulated() as environ:
        ended = python("-u", "-c", FORKED, environ=environ, cwd=tmp_path)

    assert ended.stdout.splitlines() == [
        "False The stream runs in the process that this one was forked from: call start_stream() here as well.",
        "[True]",
        "True 0",
    ]
