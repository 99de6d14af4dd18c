"""Scripts written for the two old modules run unchanged, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.library.rig import python, simulated

# Programs of their own, which a busy machine may keep waiting.

HUNTER = """\
from liquidation_hunter import LiquidationHunter
hunter = LiquidationHunter()
hunter.set_data_source(source='live_binance', symbols=['BTCUSDT', 'ETHUSDT'])
signal, strength, cluster = hunter.generate_signal('BTC/USDT:USDT', 90000.0)
"""
HEATMAP = """\
from live_liquidation_heatmap import LiveLiquidationHeatmap
heatmap = LiveLiquidationHeatmap()
heatmap.start_stream(symbols=['BTCUSDT', 'ETHUSDT'])
heatmap.update_price('BTCUSDT', 90000.0)
clusters = heatmap.get_clusters('BTCUSDT')
best = heatmap.get_best_cluster('BTCUSDT', min_strength=0.6)
"""
# The first picture may come before the first liquidation: then the last lines are run again.
AGAIN = """
import time
ends_at = time.monotonic() + 30
while not ({found}) and time.monotonic() < ends_at:
    time.sleep(0.2)
    {asked}
print({shown})
"""


@pytest.mark.parametrize(
    ("script", "lines", "found", "shown", "printed"),
    [
        (HUNTER, 1, "cluster", "signal, cluster.side, cluster.symbol, 0 < strength < cluster.strength", "-1 long"),
        (HEATMAP, 2, "len(clusters) == 2 and best", "*[each.side for each in clusters], best.side", "long short long"),
    ],
)
def test_it_gives_clusters_and_a_signal(
    script: str, lines: int, found: str, shown: str, printed: str, tmp_path: Path
) -> None:
    asked = "; ".join(script.splitlines()[-lines:])
    file = tmp_path / "script.py"
    file.write_text(script + AGAIN.format(found=found, asked=asked, shown=shown))

    with simulated() as environ:
        ended = python(str(file), environ=environ, cwd=tmp_path, timeout_s=120)

    # On a busy machine the first answer may warn that nothing is known yet.
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False)
    assert ended.stdout.startswith(printed)


def test_the_classes_are_those_of_liqalert(tmp_path: Path) -> None:
    code = (
        "import liqalert, liquidation_hunter, live_liquidation_heatmap\n"
        "print(liquidation_hunter.LiquidationHunter is liqalert.LiquidationHunter,"
        " live_liquidation_heatmap.LiveLiquidationHeatmap is liqalert.LiveLiquidationHeatmap)"
    )

    assert python("-c", code, environ={}, cwd=tmp_path).stdout == "True True\n"
