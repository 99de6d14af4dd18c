"""The library and the daemon are one engine: the same recording, the same clusters. And the guide is what it says."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from liqalert import LiquidationHunter, UnknownSymbolError
from liqalert.library.clusters import Clusters
from tests.binance_server import BinanceServer
from tests.daemon import Daemon, free_port
from tests.library.rig import python, simulated
from tests.telegram_server import telegram_server

# Programs of their own, which a busy machine may keep waiting.
pytestmark = pytest.mark.timeout(240)

ROOT = Path(__file__).parents[1]
PATIENCE_S = 90.0
DECAY_S = 3600.0
SAID = {
    "standalone": "longs liquidated at ",
    "with_hunter": "level below at ",
    "several_symbols": "BTCUSDT: 2 clusters; the strongest: longs liquidated at ",
    "trading_loop": "longs were liquidated at ",
}
"""By each example, sooner or later."""


@pytest.fixture
async def binance() -> AsyncIterator[BinanceServer]:
    async with BinanceServer() as server:
        server.mark_every(0.1)
        yield server


def clusters_of(hunter: LiquidationHunter, symbol: str, price: float) -> Clusters:
    assert hunter._source is not None
    return hunter._source.clusters(symbol, price)


def all_came(answer: Mapping[str, Any]) -> bool:
    return sum(cluster["count"] for cluster in answer["clusters"]) == 27


def shape(cluster: Mapping[str, Any]) -> tuple[object, ...]:
    """Of an item of /api/v1/clusters: all that does not change as time passes."""
    names = ("id", "symbol", "liquidated", "price", "price_low", "price_high", "count", "calibrated")
    return tuple(cluster[name] for name in names)


def our_shape(cluster: Any) -> tuple[object, ...]:
    return (
        cluster.cluster_id,
        cluster.symbol,
        cluster.side,
        pytest.approx(cluster.price_level),
        cluster.price_low,
        cluster.price_high,
        cluster.liquidation_count,
        cluster.calibrated,
    )


async def test_a_recording_gives_the_clusters_that_the_daemon_had(binance: BinanceServer, tmp_path: Path) -> None:
    """And a hunter that asks the daemon sees the same."""
    recordings = tmp_path / "recordings"
    extra = {"LIQALERT_RECORDING__DIRECTORY": str(recordings), "LIQALERT_CLUSTERS__REBUILD_SECONDS": "1"}
    hunter = LiquidationHunter(min_cluster_size=1, min_cluster_strength=0.0)
    async with telegram_server() as telegram, Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
        await daemon.until("/readyz", lambda answer: answer["ready"], PATIENCE_S)
        for step in range(9):
            await binance.liquidate("BTCUSDT", "SELL", price=58_000 + step, quantity=5 + step)
            await binance.liquidate("BTCUSDT", "BUY", price=61_500 + step, quantity=2)
            await binance.liquidate("ETHUSDT", "SELL", price=2_950 + step * 20, quantity=30)
        await daemon.until(
            "/api/v1/clusters", lambda found: sum(c["count"] for c in found["clusters"]) == 27, PATIENCE_S
        )
        asked_at = time.time()  # noqa: TID251 - the daemon's clock
        live = await daemon.get("/api/v1/clusters")
        url = f"http://127.0.0.1:{daemon.port}"
        hunter.set_data_source("liqalert", url=url)
        asked = await asyncio.to_thread(clusters_of, hunter, "BTC/USDT:USDT", 60_000.0)
        signal = await asyncio.to_thread(hunter.generate_signal, "btc", 60_000.0)
        with pytest.raises(UnknownSymbolError, match="DOGEUSDT is not known here"):
            await asyncio.to_thread(hunter.generate_signal, "DOGEUSDT", 60_000.0)
        # A recording knows of a tick by what was received after it.
        seen = live["marks"]["BTCUSDT"]["at"]
        await daemon.until("/api/v1/clusters", lambda found: found["marks"]["BTCUSDT"]["at"] > seen, PATIENCE_S)
        await daemon.terminate()
    hunter.set_data_source("recording", path=recordings)
    replayed = {symbol: clusters_of(hunter, symbol, 60_000.0) for symbol in ("BTCUSDT", "ETHUSDT")}

    ours = [cluster for clusters in replayed.values() for cluster in clusters]
    theirs = {item["id"]: item for item in live["clusters"]}
    assert len(ours) == len(theirs) >= 4
    assert {cluster.cluster_id: our_shape(cluster) for cluster in ours} == {
        name: shape(item) for name, item in theirs.items()
    }
    for cluster in ours:
        since_s = cluster.as_of.timestamp() - asked_at
        assert cluster.total_notional == pytest.approx(
            theirs[cluster.cluster_id]["notional_usd"] * 2.718281828459045 ** (-since_s / DECAY_S), rel=1e-3
        )
        assert cluster.strength == pytest.approx(theirs[cluster.cluster_id]["strength"], abs=0.01)
    assert [cluster.cluster_id for cluster in asked] == [cluster.cluster_id for cluster in replayed["BTCUSDT"]]
    assert (asked.alive, replayed["BTCUSDT"].alive) == (True, False)
    assert (signal[0], signal[2] and signal[2].side) == (-1, "long")


# ---------------------------------------------------------------- the guide

DAEMON_URL = "http://127.0.0.1:8787"


def guide() -> list[str]:
    """The code blocks of the README's section "Python", in order."""
    section = (ROOT / "README.md").read_text().partition("\n## Python\n")[2].partition("\n## ")[0]
    return re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def test_the_guide_runs_from_top_to_bottom_against_a_simulated_market(tmp_path: Path) -> None:
    port = free_port()
    script = tmp_path / "guide.py"
    code = "\n".join(guide()).replace(DAEMON_URL, f"http://127.0.0.1:{port}")
    script.write_text(f"{code}\nprint('ENDED WITH', best.side, len(clusters), cluster is not None)\n")

    with simulated() as environ, running_daemon(port, environ, tmp_path):
        ended = python(str(script), environ=environ, cwd=tmp_path, timeout_s=200)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "ENDED WITH long" in ended.stdout
    assert len(guide()) >= 8


@contextmanager
def running_daemon(port: int, environ: Mapping[str, str], directory: Path) -> Iterator[None]:
    """With clusters, and a recording of how it got them in `recordings`."""
    extra = {
        "LIQALERT_WEB__PORT": str(port),
        "LIQALERT_RECORDING__DIRECTORY": "recordings",
        "LIQALERT_CONSOLE__ENABLED": "false",
    }
    command = [sys.executable, "-m", "liqalert", "run"]
    daemon = subprocess.Popen(
        command, env={**environ, **extra}, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        ends_at = time.monotonic() + PATIENCE_S
        while not answers(port):
            assert time.monotonic() < ends_at, "the daemon has no clusters, or no prices"
            time.sleep(0.1)
        yield
    finally:
        daemon.terminate()
        daemon.wait(30)


def answers(port: int) -> bool:
    """Whether there are clusters, and prices enough for the endpoint in the vendor's shape."""
    heatmap = "api/futures/liquidation/heatmap/model1?exchange=Binance&symbol=BTCUSDT&range=24h"
    return b'"clusters":[{' in body(port, "api/v1/clusters/BTCUSDT") and b'"code":"0"' in body(port, heatmap)


def body(port: int, path: str) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", headers={"CG-API-KEY": "any"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            found: bytes = answer.read()
            return found
    except OSError:
        return b""


def test_every_example_says_what_it_should(tmp_path: Path) -> None:
    with simulated() as environ, ThreadPoolExecutor(len(SAID)) as threads:

        def run(name: str) -> subprocess.CompletedProcess[str]:
            return python("-m", "liqalert.examples", name, "--for", "7", environ=environ, cwd=tmp_path, timeout_s=200)

        ended = dict(zip(SAID, threads.map(run, SAID), strict=True))

    assert {name: (one.returncode, one.stderr) for name, one in ended.items()} == dict.fromkeys(SAID, (0, ""))
    assert [name for name, words in SAID.items() if words not in ended[name].stdout] == []
