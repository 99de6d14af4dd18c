"""What both heatmaps have in common: everything that is asked of them and does not wait."""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from liqalert.clock import Clock
from liqalert.core.exchanges import BINANCE
from liqalert.library.blindness import Blindness
from liqalert.library.callbacks import Callbacks, OnClusters, OnLiquidation
from liqalert.library.choosing import best_cluster
from liqalert.library.clusters import Clusters, LiquidationCluster, StrengthScale, cluster_of, moment, ranked
from liqalert.library.errors import UnknownSymbolError
from liqalert.library.options import ClusterOptions, WhenBlind, positive
from liqalert.library.shared_clock import SharedClock
from liqalert.library.state import LiveStatus, gaps_of, is_alive, why_late, why_mute, why_not
from liqalert.library.symbols import instrument_of, refuse_price_of_one_coin
from liqalert.library.telling import Telling

if TYPE_CHECKING:
    from liqalert.core.engine import Snapshot
    from liqalert.core.market import FeedStatus, Instrument
    from liqalert.library.watch import Watch

log = logging.getLogger(__name__)

SILENT = logging.NullHandler()
"""A library is silent unless the program that uses it has set up logging."""

OnLiquidationT = TypeVar("OnLiquidationT", bound=OnLiquidation)
OnClustersT = TypeVar("OnClustersT", bound=OnClusters)


class HeatmapView(ABC):
    """Every method may be called from any thread, and returns at once unless it says otherwise."""

    def __init__(
        self,
        cluster_window_pct: float = 0.02,
        min_cluster_size: int = 5,
        time_decay_minutes: float = 60,
        update_interval: float = 5.0,
        *,
        strength: StrengthScale = "absolute",
        when_blind: WhenBlind = "warn",
    ) -> None:
        """`cluster_window_pct`: a fraction, 0.02 is 2 %; no cluster is wider. `min_cluster_size`: liquidations.

        `time_decay_minutes`: after which a liquidation counts 37 %; it is forgotten after twelve times as long.
        `update_interval`: seconds from one building of clusters to the next.
        `strength`: "absolute" compares with what is usual for the contract, "relative" with the biggest in the answer.
        `when_blind`: what an answer does while the feed is not proven alive: "warn" once for each outage
        (StaleDataWarning), "raise" NotLiveError, or "ignore". Raises ValueError for what lies outside its range.
        """
        self._options = ClusterOptions(
            cluster_window_pct, min_cluster_size, time_decay_minutes, update_interval, strength
        )
        self._blindness = Blindness(when_blind)
        self._clock: Clock = SharedClock()
        self._callbacks = Callbacks()
        self._symbols: tuple[str, ...] | None = None
        self._watch: Watch | None = None
        self._failure: str | None = None
        """Why the stream could not be started, or has ended by itself."""
        self._prices: dict[Instrument, tuple[float, float]] = {}
        """By `update_price`, with the time."""
        self._life = Lock()
        logging.getLogger("liqalert").addHandler(SILENT)

    # ------------------------------------------------------------ what is told

    def update_price(self, symbol: str, price: float) -> None:
        """`price` is the price of `symbol` until a newer mark price arrives, which is usually within a second.

        Raises ValueError where it is the price of one coin, and the symbol is priced by the thousand: 1000PEPEUSDT.
        """
        instrument, price = self._instrument(symbol), positive("price", price)
        refuse_price_of_one_coin(instrument.symbol, price, self._price(instrument))
        self._prices[instrument] = (price, self._clock.now())

    def on_liquidation(self, callback: OnLiquidationT) -> OnLiquidationT:
        """Calls `callback(liquidation)` with a LiveLiquidation for every one that is streamed. Fit for a decorator."""
        self._callbacks.on_liquidation += (callback,)
        return callback

    def on_clusters(self, callback: OnClustersT) -> OnClustersT:
        """Calls `callback(symbol, clusters)` whenever the clusters of a symbol were built anew. Fit for a decorator."""
        self._callbacks.on_clusters += (callback,)
        return callback

    # ------------------------------------------------------------ what is asked

    def get_clusters(self, symbol: str, *, min_strength: float = 0.0) -> Clusters:
        """The clusters of `symbol` with at least `min_cluster_size` liquidations, strongest first, as of now.

        `as_of` of the answer says up to when the market had been seen; while the feed is not proven alive, `alive` is
        False, and by default there is a warning. Raises UnknownSymbolError for a symbol that the exchange does not
        have, or that is not streamed.
        """
        self._first_picture()
        problem, instrument, picture = self._problem(), self._instrument(symbol), self._picture()
        self._blindness.judge(problem, moment(picture.as_of) if picture else None)
        if self._watch is not None and not self._watch.selection.wants(instrument):
            raise UnknownSymbolError(f"{instrument.symbol} is not streamed: name it in start_stream(symbols=[...])")
        clusters = self._clusters(instrument, picture, problem)
        clusters[:] = [cluster for cluster in clusters if cluster.strength >= min_strength]
        return clusters

    def get_best_cluster(
        self, symbol: str, current_price: float | None = None, min_strength: float = 0.6
    ) -> LiquidationCluster | None:
        """The best cluster that price can move toward: liquidated longs below it, liquidated shorts above it.

        Best is 0.7 strength + 0.3 nearness, nearness = max(0, 1 - |distance - 3.5| / 3.5), distance in per cent to
        `price_level` from `current_price`, else from the newest price known. None when there is none. Raises ValueError
        for the price of one coin, as update_price does.
        """
        clusters = self.get_clusters(symbol)
        price = clusters.price
        if current_price is not None:
            price = positive("current_price", current_price)
            refuse_price_of_one_coin(clusters.symbol or "", price, clusters.price)
        return None if price is None else best_cluster(clusters, price, min_strength=min_strength)

    def status(self) -> LiveStatus:
        """Whether the feed is proven alive, how old what is known is, and when nobody watched."""
        now, watch, status, picture = self._clock.now(), self._watch, self._feed(), self._picture()
        mark_at = status.mark_at if status else None
        since = picture.watching_since if picture else None
        latency_s = status.latency_s if status else None
        return LiveStatus(
            alive=is_alive(status, now),
            age=None if mark_at is None else timedelta(seconds=max(0.0, now - mark_at)),
            problem=self._problem(),
            running=self._running(),
            as_of=moment(picture.as_of) if picture else None,
            watching_since=None if since is None else moment(since),
            gaps=gaps_of(tuple(watch.gaps), status) if watch else (),
            connected=status.connected if status else 0,
            connections=status.connections if status else 0,
            latency=None if latency_s is None else timedelta(seconds=latency_s),
            notes=(*(watch.missing if watch else ()), *self._callbacks.notes, *self._clock_notes()),
        )

    # ------------------------------------------------------------ details

    @abstractmethod
    def _running(self) -> bool:
        """Whether a stream is running, or is about to."""

    @abstractmethod
    def _first_picture(self) -> None:
        """Waits, where it may, until there is something to show."""

    @abstractmethod
    def _began(self) -> None:
        """Everything needed has been imported, and connecting begins. Called by the stream."""

    def _waiting_for(self) -> str | None:
        """Why a first answer would not yet be what it should; None once it is."""
        waiting = "Open interest is being asked for." if self._watch is None or not self._watch.ready else None
        return self._problem() or waiting

    def _known_problem(self) -> bool:
        """Whether waiting a little longer is of no use."""
        status = self._feed()
        return self._failure is not None or (status is not None and not status.alive and status.problem is not None)

    def _named(self, symbols: Sequence[str] | None) -> tuple[str, ...] | None:
        """`symbols` as they are kept, one alone included. Raises UnknownSymbolError, and ValueError for none at all."""
        if symbols is None:
            return None
        named = (symbols,) if isinstance(symbols, str) else tuple(symbols)
        if not named:
            raise ValueError("symbols is empty: name some, or leave it out for all there are")
        for symbol in named:
            self._instrument(symbol)
        return named

    def _refuse_others(self, symbols: tuple[str, ...] | None) -> None:
        if symbols is not None and symbols != self._symbols:
            streamed = ", ".join(self._symbols or ("all symbols",))
            raise RuntimeError(f"{streamed} are being streamed already: call stop_stream() first")

    def _feed(self) -> FeedStatus | None:
        return self._watch.board.feeds.get(BINANCE) if self._watch else None

    def _picture(self) -> Snapshot | None:
        return self._watch.picture if self._watch else None

    def _problem(self) -> str | None:
        """Why what is known may be out of date, in sentences; None while it is proven to be of now."""
        now, status = self._clock.now(), self._feed()
        if is_alive(status, now):
            doubt = (status.refused or status.late) if status else None
            return doubt or why_late(self._picture(), now, self._options.update_s) or why_mute(status)
        if self._failure is not None:
            return self._failure
        if self._watch is None and not self._running():
            return "No stream was started: call start_stream()."
        if status is not None and status.alive and not self._running():
            return "The stream runs in the process that this one was forked from: call start_stream() here as well."
        return why_not(status, now)

    def _clock_notes(self) -> tuple[str, ...]:
        note = self._clock.note if isinstance(self._clock, SharedClock) else None
        return (note,) if note else ()

    def _clusters(self, instrument: Instrument, picture: Snapshot | None, problem: str | None) -> Clusters:
        price = self._price(instrument)
        if picture is None:
            return Clusters(alive=problem is None, problem=problem, price=price, symbol=instrument.symbol)
        found = picture.clusters(self._clock.now(), instrument)
        shown = [cluster_of(each, picture.as_of, price) for each in found if each.count >= self._options.min_size]
        return Clusters(
            ranked(shown, self._options.scale),
            as_of=moment(picture.as_of),
            alive=problem is None,
            problem=problem,
            price=price,
            symbol=instrument.symbol,
        )

    def _told(self, instrument: Instrument, picture: Snapshot) -> Clusters:
        return self._clusters(instrument, picture, self._problem())

    def _instrument(self, symbol: str) -> Instrument:
        return instrument_of(symbol, self._watch.selection.known if self._watch else frozenset())

    def _price(self, instrument: Instrument) -> float | None:
        """The newer of the newest mark and what `update_price` said."""
        mark = self._watch.marks.get(instrument) if self._watch else None
        told = self._prices.get(instrument)
        if told is not None and (mark is None or told[1] > mark.received_time):
            return told[0]
        return mark.price if mark else None

    async def _stream(self) -> None:
        """Listens until it is cancelled. What it imports takes a second the first time. Raises SettingsError."""
        watch = self._make()
        self._began()
        await watch.run(self._symbols)

    def _make(self) -> Watch:
        from liqalert.library.watch import Watch
        from liqalert.settings import load_settings

        if self._watch is None:
            telling = Telling(self._callbacks, self._told)
            self._watch = Watch(
                self._options.terms(), load_settings(None, os.environ, serves=False), self._clock, telling
            )
        return self._watch

    def _failed(self, exc: BaseException) -> None:
        """The stream has ended by itself."""
        known = type(exc).__name__ == "SettingsError"
        self._failure = f"{exc}." if known else f"The stream has ended by an error in liqalert itself ({exc!r})."
        log.error("stream failed", exc_info=exc)
