"""liqalert beside what people use today. In an environment of its own (requirements-peers.txt), and outside CI.

python -m tests.benchmarks.peers [--json FILE] [--plot FILE.png]: exits 1 when a ratio misses its target by 25 %.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import median

import ccxt.pro
import pandas as pd
from cryptofeed.defines import LIQUIDATIONS
from cryptofeed.exchanges import BinanceFutures
from cryptofeed.symbols import Symbols
from scipy.cluster.hierarchy import fcluster, linkage

from liqalert.core.engine import Engine
from liqalert.core.market import Liquidation, PositionSide
from liqalert.core.terms import Terms
from tests.benchmarks import bare
from tests.benchmarks.decode import decoding
from tests.benchmarks.harness import Cost, Figure, Question, compare, cpu_us
from tests.benchmarks.inputs import SPREAD_S, T0, force_order_frames, instruments, liquidation, symbols
from tests.benchmarks.report import table, write_json

FRAMES = 300
EVENTS = 10_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures of every round to FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw rebuilds against live liquidations")
    arguments = parser.parse_args()
    found = [*_decoding(), _rebuild()]
    print(table(found))
    if arguments.json:
        write_json(found, arguments.json)
    if arguments.plot:
        draw(arguments.plot)
    return 1 if any(figure.verdict == "missed" for figure in found) else 0


# ---------------------------------------------------------------- decoding


def _decoding() -> Iterator[Figure]:
    with asyncio.Runner() as runner:
        for name, peer, wrapped, at_most in (
            ("cryptofeed 2.4.1, its handler", cryptofeed_handler(runner), True, 1 / 8),
            ("ccxt 4.5, its client's way", ccxt_handler(runner), False, 1 / 25),
        ):
            frames = force_order_frames(FRAMES, T0, wrapped=wrapped)
            yield compare(
                Question("decode forceOrder to Liquidation", name, "us CPU/frame", at_most),
                ours=decoding(frames),
                peer=_of(peer, [frame.decode() for frame in frames]),
                floor=_made_by_hand(frames, wrapped=wrapped),
                rounds=15,
            )


def _made_by_hand(frames: Sequence[bytes], *, wrapped: bool) -> Cost:
    """The least that gives a `Liquidation`: five fields decoded, unchecked, and put into one."""
    known = {each.symbol: each for each in instruments()}
    sides = {"SELL": PositionSide.LONG, "BUY": PositionSide.SHORT}

    def in_a_wrapper(frame: bytes) -> Liquidation:
        row = bare.decode_wrapped_force_order(frame).data.o
        price, quantity = row.ap, row.z
        return Liquidation(known[row.s], sides[row.S], price, quantity, quantity * price, row.T / 1000.0, T0)

    def alone(frame: bytes) -> Liquidation:
        row = bare.decode_force_order(frame).o
        price, quantity = row.ap, row.z
        return Liquidation(known[row.s], sides[row.S], price, quantity, quantity * price, row.T / 1000.0, T0)

    make = in_a_wrapper if wrapped else alone
    return lambda: cpu_us(lambda: [make(frame) for frame in frames], len(frames))


def _of(handle: Callable[[Sequence[str]], None], frames: Sequence[str]) -> Cost:
    return lambda: cpu_us(lambda: handle(frames), len(frames))


def cryptofeed_handler(runner: asyncio.Runner) -> Callable[[Sequence[str]], None]:
    names = {f"{symbol[:-4]}-USDT-PERP": symbol for symbol in symbols()}
    details = {"tick_size": dict.fromkeys(names, "0.01"), "instrument_type": dict.fromkeys(names, "perpetual")}
    Symbols.set(BinanceFutures.id, names, details)
    got: list[object] = []

    async def take(liquidated: object, _: float) -> None:
        got.append(liquidated)

    feed = BinanceFutures(symbols=list(names)[:5], channels=[LIQUIDATIONS], callbacks={LIQUIDATIONS: take})

    async def handle(frames: Sequence[str]) -> None:
        for frame in frames:
            await feed.message_handler(frame, None, 0.0)

    def run(frames: Sequence[str]) -> None:
        got.clear()
        runner.run(handle(frames))
        assert len(got) == len(frames)

    return run


def ccxt_handler(runner: asyncio.Runner) -> Callable[[Sequence[str]], None]:
    async def prepare() -> tuple[ccxt.pro.binance, Callable[[str], None]]:
        exchange = ccxt.pro.binance({"options": {"defaultType": "swap"}})
        exchange.set_markets({f"{symbol[:-4]}/USDT:USDT": _market(exchange, symbol) for symbol in symbols()})
        return exchange, exchange.client("wss://fstream.binance.com/ws/1").handle_text_or_binary_message

    exchange, take = runner.run(prepare())

    async def handle(frames: Sequence[str]) -> None:
        for frame in frames:
            take(frame)

    def run(frames: Sequence[str]) -> None:
        runner.run(handle(frames))
        assert exchange.liquidations

    return run


def _market(exchange: ccxt.pro.binance, symbol: str) -> object:
    base = symbol[:-4]
    return exchange.safe_market_structure(
        {
            "id": symbol,
            "symbol": f"{base}/USDT:USDT",
            "base": base,
            "quote": "USDT",
            "settle": "USDT",
            "type": "swap",
            "spot": False,
            "swap": True,
            "contract": True,
            "linear": True,
            "inverse": False,
            "contractSize": 1.0,
            "active": True,
        }
    )


# ---------------------------------------------------------------- clusters


class OneInstrument:
    """An engine with `live` liquidations of one instrument, one more before each tick. It has run for a minute: the
    interpreter adapts to what it has done a few times, and a daemon's ticks are seldom its first."""

    def __init__(self, live: int) -> None:
        self._random = Random(4)
        self._now = T0
        self._engine = Engine(Terms())
        for number in range(live):
            self._add(T0 - SPREAD_S * (1.0 - number / live))
        for _ in range(12):
            self.rebuild_us()

    def rebuild_us(self) -> float:
        self._add(self._now)
        self._now += 5.0
        return cpu_us(lambda: self._engine.tick(self._now), 1)

    def _add(self, at: float) -> None:
        liquidated = self._random.choice(tuple(PositionSide))
        self._engine.add(liquidation(instruments()[0], liquidated, self._random, at), self._now)


class UsualScript:
    """Ward linkage over all prices of each position side, cut at 2 % of the price, summed by pandas."""

    def __init__(self, live: int) -> None:
        random = Random(4)
        found = [
            liquidation(instruments()[0], random.choice(tuple(PositionSide)), random, T0 - SPREAD_S * number / live)
            for number in range(live)
        ]
        self._frame = pd.DataFrame(
            [(each.liquidated.value, each.price, each.notional_usd, each.event_time) for each in found],
            columns=["liquidated", "price", "usd", "at"],
        )

    def rebuild_us(self) -> float:
        return cpu_us(self._rebuild, 1)

    def _rebuild(self) -> None:
        for _, side in self._frame.groupby("liquidated"):
            prices = side[["price"]].to_numpy()
            labels = fcluster(linkage(prices, method="ward"), t=0.02 * float(prices.mean()), criterion="distance")
            side.assign(cluster=labels).groupby("cluster").agg(
                {"price": ["mean", "min", "max"], "usd": ["sum", "count"]}
            )


def _rebuild() -> Figure:
    ours, usual = OneInstrument(EVENTS), UsualScript(EVENTS)
    what = f"rebuild of one instrument, {EVENTS:,} live liquidations"
    return compare(
        Question(what, "pandas, Ward linkage and fcluster at 2 %", "us CPU", 1 / 3000),
        ours=lambda: min(ours.rebuild_us() for _ in range(3)),
        peer=usual.rebuild_us,
        rounds=3,
    )


def draw(path: Path) -> None:
    """Time of a rebuild against live liquidations, both axes logarithmic."""
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(7, 4), dpi=110, layout="constrained")
    axes = canvas.subplots()
    for name, kind, counts in (
        ("the usual script: pandas, scipy's Ward linkage", UsualScript, (100, 300, 1000, 3000, 10_000)),
        ("liqalert", OneInstrument, (100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000)),
    ):
        times = []
        for count in counts:
            subject = kind(count)
            times.append(
                median(subject.rebuild_us() for _ in range(3 if count <= 3000 or kind is OneInstrument else 1)) / 1e3
            )
        axes.loglog(counts, times, marker="o", label=name)
    axes.set_xlabel("live liquidations of one instrument")
    axes.set_ylabel("milliseconds of CPU for a tick")
    axes.grid(which="both", alpha=0.3)
    axes.legend()
    canvas.savefig(path)


if __name__ == "__main__":
    sys.exit(main())
