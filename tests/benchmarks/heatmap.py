"""The grid of a day: built from scratch, and kept up to date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from liqalert.core.heatmap import Surroundings, build_from
from liqalert.core.heatmap_cells import RANGES, Reports
from liqalert.core.heatmap_live import LiveCells
from liqalert.core.market import Instrument, Liquidation, PositionSide
from tests.benchmarks.harness import Figure, Question, Scale, compare, cpu_us

DAY = RANGES["24h"]
BTC = Instrument("binance", "BTCUSDT")
T0 = 1_789_999_800.0
DECAY_S = 3600.0
BARE = Surroundings((None,) * DAY.columns)


def figures(scale: Scale) -> Iterator[Figure]:
    count = scale.of(100_000, 500)
    bench = Grids(one_day(count), scale.of(1000, 50))
    yield compare(
        Question(f"24 h grid of {count:,} liquidations", "one numpy histogram2d of the same", "us/liquidation", 5.0),
        ours=bench.built,
        peer=bench.binned,
        rounds=scale.rounds(7),
    )
    yield compare(
        Question("one liquidation into a live grid", f"the grid of {count:,} anew", "us", 0.01),
        ours=bench.added,
        peer=partial(bench.built, per=1),
        rounds=scale.rounds(5),
    )


class Grids:
    def __init__(self, known: Sequence[Liquidation], more: int) -> None:
        self._known = known
        self._reports = Reports.of(known)
        self._more = _later(more)
        self._live = LiveCells(known, DAY, as_of=T0, decay_s=DECAY_S)
        self._arrays = (
            np.array([each.received_time for each in known]),
            np.log(np.array([each.price for each in known])),
            np.array([each.notional_usd for each in known]),
        )

    def built(self, per: int | None = None) -> float:
        def work() -> object:
            return build_from(self._reports, DAY, BARE, instrument=BTC, as_of=T0, decay_s=DECAY_S)

        return cpu_us(work, per or len(self._known))

    def binned(self) -> float:
        times, prices, notional = self._arrays

        def work() -> object:
            return np.histogram2d(times, prices, bins=(DAY.columns, 600), weights=notional)

        return cpu_us(work, len(self._known))

    def added(self) -> float:
        def work() -> None:
            for each in self._more:
                self._live.add(each)

        return cpu_us(work, len(self._more))


def one_day(count: int) -> list[Liquidation]:
    random = np.random.default_rng(7)
    times = np.sort(random.uniform(T0 - 86_400.0, T0, count))
    prices = 60_000.0 * np.exp(np.cumsum(random.normal(0.0, 0.02 / np.sqrt(count), count)))
    return [
        _liquidation(float(at), float(price), number)
        for number, (at, price) in enumerate(zip(times, prices, strict=True))
    ]


def _later(count: int) -> list[Liquidation]:
    return [_liquidation(T0 + 0.01, 60_000.0 + number, number) for number in range(count)]


def _liquidation(at: float, price: float, number: int) -> Liquidation:
    side = PositionSide.LONG if number % 2 else PositionSide.SHORT
    return Liquidation(BTC, side, price, 1.0, price, at, at)
