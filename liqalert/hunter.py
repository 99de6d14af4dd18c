"""LiquidationHunter: which cluster price could run into next, from one of several sources. It trades nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import Protocol, Self, get_args

from liqalert.library.blindness import Blindness
from liqalert.library.choosing import Signal, best_cluster, signal_of
from liqalert.library.clusters import Clusters, LiquidationCluster, StrengthScale, ranked
from liqalert.library.options import ClusterOptions, WhenBlind, one_of, positive, within
from liqalert.library.symbols import refuse_price_of_one_coin
from liqalert.library.view import SILENT, HeatmapView
from liqalert.live import LiveLiquidationHeatmap

OPTIONS = {
    "live_binance": ("symbols", "live_heatmap"),
    "liqalert": ("url", "token"),
    "recording": ("path",),
    "coinglass": ("api_key", "base_url"),
}
"""What each source may be given."""
JUDGED_HERE = ("liqalert", "coinglass")
"""A heatmap judges itself whether it is blind; a recording is one for ever, and that is no outage."""


class Source(Protocol):
    """Where clusters come from."""

    def clusters(self, symbol: str, price: float) -> Clusters:
        """Of `symbol`, with distances from `price`, strongest first. Raises ValueError for the price of one coin of a
        contract that is priced by the thousand."""
        ...

    def close(self) -> None: ...


class LiquidationHunter:
    """Finds the best cluster on price's way, and says in which direction it lies.

        hunter = LiquidationHunter()
        hunter.set_data_source(source="live_binance", symbols=["BTCUSDT", "ETHUSDT"])
        signal, strength, cluster = hunter.generate_signal("BTC/USDT:USDT", 90000.0)

    Symbols may be written BTCUSDT, btc, BTC/USDT or BTC/USDT:USDT. As a context manager it lets go of its source at the
    end of the block.
    """

    def __init__(
        self,
        min_cluster_strength: float = 0.6,
        max_distance_pct: float = 0.10,
        cluster_window_pct: float = 0.02,
        min_cluster_size: int = 5,
        time_decay_minutes: float = 60,
        *,
        strength: StrengthScale = "absolute",
        when_blind: WhenBlind = "warn",
    ) -> None:
        """`min_cluster_strength`: 0 to 1. `max_distance_pct` and `cluster_window_pct`: fractions, 0.10 is 10 %.

        The others are those of LiveLiquidationHeatmap; of an existing one, and of a daemon, their own settings hold;
        but `when_blind="raise"` holds whatever an existing one does. Raises ValueError for what lies outside its range.
        """
        within("min_cluster_strength", min_cluster_strength, 0.0, 1.0, "it is a strength")
        within("max_distance_pct", max_distance_pct, 0.0001, 1.0, "it is a fraction, 0.10 for 10 %")
        self._options = ClusterOptions(cluster_window_pct, min_cluster_size, time_decay_minutes, scale=strength)
        self._min_strength = min_cluster_strength
        self._max_distance_pct = max_distance_pct * 100.0
        one_of("when_blind", when_blind, get_args(WhenBlind))
        self._when_blind = when_blind
        self._blindness: Blindness | None = None
        self._source: Source | None = None
        logging.getLogger("liqalert").addHandler(SILENT)

    def set_data_source(
        self,
        source: str = "live_binance",
        *,
        symbols: Sequence[str] | None = None,
        live_heatmap: HeatmapView | None = None,
        url: str | None = None,
        token: str | None = None,
        path: str | PathLike[str] | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
    ) -> None:
        """Where clusters come from, in place of what was set before.

        `live_binance`: `symbols` (None: all) to stream, or `live_heatmap`, an existing one of either kind; one that
        streams in a thread is started with `symbols` where they are given too.
        `liqalert`: `url` of a running daemon (None: http://127.0.0.1:8787), `token` where it has one; asked anew each
        time. `recording`: `path` of a recording, of a directory of them, or of exchange messages one a line; clusters
        are those at its end. `coinglass`: `api_key`, and `base_url` of a compatible service (liqalert is one; None:
        the vendor's); asked at most once a minute for each symbol. Its strengths are relative, because its numbers are
        a score, and its levels are estimates unless they come from liqalert.

        Raises TypeError for an option that the source does not have or lacks, and DataSourceError for what cannot be
        read.
        """
        one_of("source", source, tuple(OPTIONS))
        given = {
            "symbols": symbols,
            "live_heatmap": live_heatmap,
            "url": url,
            "token": token,
            "path": path,
            "api_key": api_key,
            "base_url": base_url,
        }
        _refuse_foreign(source, [name for name, value in given.items() if value is not None])
        chosen: Source
        if source == "live_binance":
            chosen = self._live(symbols, live_heatmap)
        elif source == "liqalert":
            chosen = self._daemon(url, token)
        elif source == "recording":
            chosen = self._recording(path)
        else:
            chosen = self._coinglass(api_key, base_url)
        self.close()
        self._source = chosen
        # A heatmap that was given may be told to warn only, and once: what a hunter was told to raise, it raises.
        strict = source == "live_binance" and self._when_blind == "raise"
        self._blindness = Blindness(self._when_blind) if strict or source in JUDGED_HERE else None

    def close(self) -> None:
        """Lets go of the source; a heatmap that was given is left running."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def identify_clusters(
        self,
        liquidations: Iterable[Mapping[str, object]],
        current_price: float | None = None,
        *,
        now: object = None,
        open_interest_usd: float | None = None,
    ) -> list[LiquidationCluster]:
        """The clusters of `liquidations` of one symbol, strongest first, with at least `min_cluster_size` in each.

        A liquidation is a dict with `price`, `side` ("long" or "short", or Binance's order side: "SELL" is a long),
        `quantity` in base units or `notional_usd`, and, for the decay, `time` (datetime, ISO 8601, or a number of
        seconds or milliseconds, also as text); `symbol` may be left out. Equal ones of one time count once. Messages of
        Binance (`{"o": {...}}`) are understood as the feed understands them; one of COIN-M, or not priced in US
        dollars, needs `notional_usd` beside its `o`.
        Weights decay up to `now`, else to the time of the newest; one without a time happens then. What lies after it,
        is too old for the window, or is priced far off the others, is left out with a warning. Without
        `open_interest_usd` the strength is a guess (`calibrated` is False). Raises ValueError for what cannot be
        understood.
        """
        from liqalert.library.plain import MOST, PlainMarket, clusters_of, unix_time

        market = PlainMarket(
            now=None if now is None else unix_time(now, "now"),
            price=None if current_price is None else positive("current_price", current_price),
            open_interest_usd=(
                None if open_interest_usd is None else positive("open_interest_usd", open_interest_usd, MOST)
            ),
        )
        found = clusters_of(liquidations, self._options.terms(), market)
        big = [cluster for cluster in found if (cluster.liquidation_count or 0) >= self._options.min_size]
        return ranked(big, self._options.scale)

    def find_best_cluster(
        self, clusters: Iterable[LiquidationCluster], current_price: float
    ) -> LiquidationCluster | None:
        """The best of `clusters` at least `min_cluster_strength` and within `max_distance_pct`; None of none.

        Price must be able to move toward it: liquidated longs below it, liquidated shorts above it. Best is
        0.7 strength + 0.3 nearness, as in LiveLiquidationHeatmap.get_best_cluster.
        """
        return best_cluster(
            clusters,
            positive("current_price", current_price),
            min_strength=self._min_strength,
            max_distance_pct=self._max_distance_pct,
        )

    def generate_signal(self, symbol: str, price: float) -> tuple[Signal, float, LiquidationCluster | None]:
        """Signal, signal strength and cluster, seen from `price`.

        The signal is the direction price would have to go to reach the cluster: -1 for liquidated longs below, +1 for
        liquidated shorts above, 0 (with strength 0 and None) when there is none. Its strength is the cluster's strength
        x max(0, 1 - distance / max_distance). It is where the level lies and no forecast: we know of no evidence that
        price is drawn to such levels, or turns at them. While the source is not proven alive there is a warning, or
        with `when_blind="raise"` NotLiveError: a 0 is then no quiet market. Raises DataSourceError when the source
        cannot be read, RuntimeError when none was set, and ValueError for the price of one coin of a contract that is
        priced by the thousand, as 1000PEPEUSDT is.
        """
        if self._source is None:
            raise RuntimeError(f"no data source: call set_data_source(source) with one of {', '.join(OPTIONS)}")
        clusters = self._source.clusters(symbol, positive("price", price))
        if self._blindness is not None:
            self._blindness.judge(clusters.problem, clusters.as_of)
        best = self.find_best_cluster(clusters, price)
        if best is None:
            return 0, 0.0, None
        signal, strength = signal_of(best, self._max_distance_pct)
        return signal, strength, best

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _live(self, symbols: Sequence[str] | None, live_heatmap: HeatmapView | None) -> Source:
        if live_heatmap is not None:
            if symbols is not None:
                if not isinstance(live_heatmap, LiveLiquidationHeatmap):
                    raise TypeError(
                        "this heatmap streams in its loop: await its start_stream(symbols), and leave symbols= out here"
                    )
                live_heatmap.start_stream(symbols)
            return LiveSource(live_heatmap, self._options.scale)
        size, decay_minutes = self._options.min_size, self._options.decay_minutes
        heatmap = LiveLiquidationHeatmap(self._options.window_pct, size, decay_minutes, when_blind=self._when_blind)
        heatmap.start_stream(symbols)
        return LiveSource(heatmap, self._options.scale, end=heatmap.stop_stream)

    def _daemon(self, url: str | None, token: str | None) -> Source:
        from liqalert.library.daemon_source import DaemonSource

        return DaemonSource(self._options, url=url or "http://127.0.0.1:8787", token=token)

    def _recording(self, path: str | PathLike[str] | None) -> Source:
        from liqalert.library.recording_source import RecordingSource

        if path is None:
            raise TypeError("recording needs path=: a recording, a directory of them, or messages one a line")
        return RecordingSource(self._options, path=path)

    def _coinglass(self, api_key: str | None, base_url: str | None) -> Source:
        from liqalert.library.coinglass_source import VENDOR_URL, CoinglassSource

        if not api_key:
            raise TypeError(
                "coinglass needs api_key=: the vendor's; for a liqalert, its web.token, or any where it has none"
            )
        return CoinglassSource(self._options, api_key=api_key, base_url=base_url or VENDOR_URL)


class LiveSource:
    """A heatmap that streams, and what ends it with the hunter: nothing for one that was given."""

    def __init__(self, heatmap: HeatmapView, scale: StrengthScale, *, end: Callable[[], None] = lambda: None) -> None:
        self._heatmap = heatmap
        self._scale: StrengthScale = scale
        self.close = end

    def clusters(self, symbol: str, price: float) -> Clusters:
        found = self._heatmap.get_clusters(symbol)
        refuse_price_of_one_coin(found.symbol or "", price, found.price)
        found[:] = ranked((cluster.seen_from(price) for cluster in found), self._scale)
        return found


def _refuse_foreign(source: str, given: Sequence[str]) -> None:
    """Raises TypeError for options that the source does not have."""
    foreign = [name for name in given if name not in OPTIONS[source]]
    if foreign:
        raise TypeError(f"{source} has no {', '.join(foreign)}: it takes {', '.join(OPTIONS[source])}")
