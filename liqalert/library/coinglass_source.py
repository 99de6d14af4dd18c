"""Clusters from a heatmap in the shape of Coinglass v4: the vendor's, or a compatible one such as liqalert's own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, log1p
from typing import Literal, TypeAlias, get_args
from urllib.parse import urlencode

import msgspec
import numpy as np
from msgspec import Struct

from liqalert.clock import SystemClock
from liqalert.core.columns import NO_OWNER, Columns
from liqalert.core.identity import short_id
from liqalert.core.partition import cut, sheet
from liqalert.feeds.binance_wire import UNREADABLE
from liqalert.library.clusters import Clusters, LiquidationCluster, Side, moment, ranked
from liqalert.library.errors import DataSourceError
from liqalert.library.options import ClusterOptions
from liqalert.library.requests import Reply, get
from liqalert.library.symbols import instrument_of

VENDOR_URL = "https://open-api-v4.coinglass.com"
PATH = "/api/futures/liquidation/heatmap/model1"
ANSWERS_WITHIN_S = 20.0
ASKED_EVERY_S = 60.0
"""The vendor counts requests: the same answer serves for so long."""
FRESH_FOR_S = 900.0
SIDES: tuple[Side, ...] = get_args(Side)


class _Candle(Struct, array_like=True):
    opened: int
    open: str
    high: str
    low: str
    close: str


class _Heatmap(Struct):
    y_axis: list[float]
    liquidation_leverage_data: list[tuple[int, int, float]]
    """[column, row, value]; what stands now is the last column, and columns are never to be added up."""
    price_candlesticks: list[_Candle]
    update_time: int = 0
    """Milliseconds. Not in their documentation, but on their wire."""


Levels: TypeAlias = tuple[tuple[float, float], ...]
"""Price and value, ascending."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """One answer, as of now."""

    as_of: float
    levels: Mapping[Side, Levels]
    basis: Literal["realised", "projected"]


class _Envelope(Struct):
    code: str
    msg: str = ""
    data: _Heatmap | None = None


class CoinglassSource:
    """What stands in the last column, in windows of the asked width.

    The shape does not say whose positions they are: below the last price they are taken for longs, above for shorts, as
    those lie that are still open. Of liquidations that were executed that says nothing, so liqalert is asked for each
    side. A vendor's values are a score of estimates, in which only the proportions mean anything, so `strength` is
    always each window's share of the biggest, `calibrated` is False, and `liquidation_count` is None.
    """

    def __init__(self, options: ClusterOptions, *, api_key: str, base_url: str = VENDOR_URL) -> None:
        self._options = options
        self._api_key = api_key.strip()
        self._base_url = base_url.rstrip("/")
        self._answers: dict[str, tuple[float, _Shown]] = {}

    def clusters(self, symbol: str, price: float) -> Clusters:
        """Raises DataSourceError for whatever is no heatmap."""
        name = instrument_of(symbol, frozenset()).symbol
        answer = self._answer(name)
        width = log1p(self._options.window_pct)
        found = [window for side in SIDES for window in _windows(name, side, answer, width)]
        clusters = [cluster.seen_from(price) for cluster in ranked(found, "relative")]
        age_s = SystemClock().now() - answer.as_of
        problem = f"The heatmap has not been renewed for {age_s / 60.0:.0f} min." if age_s > FRESH_FOR_S else None
        return Clusters(clusters, as_of=moment(answer.as_of), alive=problem is None, problem=problem, price=price)

    def close(self) -> None:
        pass

    def _answer(self, name: str) -> _Shown:
        asked_at, known = self._answers.get(name, (-inf, None))
        if known is None or time.monotonic() - asked_at >= ASKED_EVERY_S:
            known = self._asked(name)
            self._answers[name] = (time.monotonic(), known)
        return known

    def _asked(self, name: str) -> _Shown:
        reply = self._get(name)
        heatmap = _heatmap(reply, self._base_url)
        as_of = heatmap.update_time / 1000.0 or float(heatmap.price_candlesticks[-1].opened)
        levels, last_price = _standing(heatmap, self._base_url)
        if reply.headers.get("x-liqalert-basis") != "realised":
            below = tuple(each for each in levels if each[0] < last_price)
            return _Shown(as_of, {"long": below, "short": levels[len(below) :]}, "projected")
        executed = {side: _heatmap(self._get(name, liquidated=side), self._base_url) for side in SIDES}
        return _Shown(as_of, {side: _standing(each, self._base_url)[0] for side, each in executed.items()}, "realised")

    def _get(self, name: str, **more: str) -> Reply:
        query = urlencode({"exchange": "Binance", "symbol": name, "range": "24h", **more})
        headers = {"CG-API-KEY": self._api_key, "Accept": "application/json"}
        return get(f"{self._base_url}{PATH}?{query}", headers, timeout_s=ANSWERS_WITHIN_S)


def _heatmap(reply: Reply, base_url: str) -> _Heatmap:
    """What a reply holds. Errors come with HTTP 200 and a code in the body. Raises DataSourceError."""
    try:
        envelope = msgspec.json.decode(reply.body, type=_Envelope)
    except UNREADABLE:
        raise DataSourceError(f"{base_url} answers HTTP {reply.status}, but with no heatmap") from None
    heatmap = envelope.data
    if envelope.code != "0" or heatmap is None or not heatmap.price_candlesticks:
        raise DataSourceError(f"{base_url} answers with code {envelope.code}: {envelope.msg}")
    return heatmap


def _standing(heatmap: _Heatmap, base_url: str) -> tuple[Levels, float]:
    """What stands in the last column, and the last price. Raises DataSourceError."""
    last = len(heatmap.price_candlesticks) - 1
    cells = [(row, value) for column, row, value in heatmap.liquidation_leverage_data if column == last and value > 0]
    try:
        levels = tuple(sorted((heatmap.y_axis[row], value) for row, value in cells))
        return levels, float(heatmap.price_candlesticks[last].close)
    except (IndexError, ValueError):
        raise DataSourceError(f"{base_url} answers with a heatmap that contradicts itself") from None


def _windows(symbol: str, side: Side, shown: _Shown, width: float) -> Iterator[LiquidationCluster]:
    levels = shown.levels[side]
    if not levels:
        return
    prices, values = (np.array(column, dtype=np.float64) for column in zip(*levels, strict=True))
    unknown = np.zeros(len(prices))
    owners = np.full(len(prices), NO_OWNER)
    parts = cut(sheet([Columns.of(prices, unknown, values / prices, values, values, owners)]), width)
    for number, (start, end) in enumerate(zip(parts.starts.tolist(), parts.ends.tolist(), strict=True)):
        inside = slice(start, end)
        peak = float(prices[inside][values[inside].argmax()])
        yield LiquidationCluster(
            symbol=symbol,
            price_level=float(parts.prices[number]),
            price_low=float(prices[start]),
            price_high=float(prices[end - 1]),
            side=side,
            liquidation_count=None,
            total_notional=float(values[inside].sum()),
            strength=0.0,
            distance_from_price=None,
            last_updated=moment(shown.as_of),
            cluster_id=short_id("coinglass", symbol, side, peak),
            as_of=moment(shown.as_of),
            calibrated=False,
            basis=shown.basis,
        )
