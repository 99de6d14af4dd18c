"""A heatmap judges what it knows by the clock and by what its feed says, here without any socket."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import pytest

from liqalert import LiveLiquidation, NotLiveError, StaleDataWarning
from liqalert.core.market import FeedStatus, Gap, Instrument, Liquidation, Mark, PositionSide, Stream
from liqalert.library.telling import Telling
from liqalert.library.view import HeatmapView
from liqalert.library.watch import Watch
from liqalert.ports import ParsedFrame
from liqalert.settings import Settings

NOW = 1_795_000_000.0
BTC = Instrument("binance", "BTCUSDT")


@dataclass
class HandClock:
    at: float = NOW

    def now(self) -> float:
        return self.at


class Offline(HeatmapView):
    """A heatmap whose feed is this test."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.clock = self._clock = HandClock()
        telling = Telling(self._callbacks, self._told)
        self._watch = self.watch = Watch(self._options.terms(), Settings(), self.clock, telling)

    def _running(self) -> bool:
        return True

    def _began(self) -> None:
        pass

    def _first_picture(self) -> None:
        pass

    def proven(self, **status: Any) -> None:
        """Now a mark comes in, and all that goes with it."""
        now = self.clock.now()
        self.watch.feed_changed(FeedStatus("binance", **{"alive": True, "since": NOW, "mark_at": now, **status}), now)
        self.watch.ingest(ParsedFrame(marks=(Mark(BTC, 100.0, now, now),)), now)

    def liquidate(self, count: int, side: PositionSide, price: float, usd: float) -> None:
        now = self.clock.now()
        for number in range(count):
            at = price + number / 1000.0
            one = Liquidation(BTC, side, at, usd / at, usd, now, now)
            self.watch.ingest(ParsedFrame(liquidations=(one,)), now)

    def later(self, seconds: float, **status: Any) -> None:
        self.clock.at += seconds
        self.proven(**status)


def lively(**options: Any) -> Offline:
    heatmap = Offline(**options)
    heatmap.proven()
    heatmap.liquidate(6, PositionSide.LONG, 97.0, 400_000.0)
    heatmap.liquidate(5, PositionSide.SHORT, 103.0, 100_000.0)
    heatmap.later(5.0)
    return heatmap


def test_strongest_first_and_weaker_than_asked_left_out() -> None:
    heatmap = lively()

    clusters = heatmap.get_clusters("btc")

    assert [(each.side, each.liquidation_count) for each in clusters] == [("long", 6), ("short", 5)]
    assert clusters[0].strength > clusters[1].strength > 0.0
    assert heatmap.get_clusters("btc", min_strength=clusters[0].strength) == clusters[:1]


def test_relative_strength_is_the_share_of_the_biggest_in_the_answer() -> None:
    clusters = lively(strength="relative").get_clusters("BTCUSDT")

    assert [each.strength for each in clusters] == [1.0, pytest.approx(5e5 / 2.4e6)]


def test_weights_decay_between_two_buildings() -> None:
    heatmap = lively()
    before = heatmap.get_clusters("BTCUSDT")
    heatmap.clock.at += 3.0
    after = heatmap.get_clusters("BTCUSDT")

    assert after[0].total_notional == pytest.approx(before[0].total_notional * 0.99916701)
    assert after.as_of == before.as_of


def test_a_loop_that_is_stuck_is_noticed_although_nobody_says_so() -> None:
    heatmap = lively()
    heatmap.clock.at += 30.0

    with pytest.warns(StaleDataWarning, match="No mark price has been taken in for 30 s: this program is too busy"):
        clusters = heatmap.get_clusters("BTCUSDT")

    assert (len(clusters), clusters.alive, heatmap.status().alive) == (2, False, False)


def test_each_outage_is_told_once() -> None:
    heatmap = lively()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(2):
            heatmap.clock.at += 30.0
            heatmap.get_clusters("BTCUSDT")
            heatmap.get_clusters("BTCUSDT")
            heatmap.later(1.0)
            heatmap.get_clusters("BTCUSDT")

    assert [each.category for each in warned] == [StaleDataWarning, StaleDataWarning]


def test_where_being_blind_is_an_error_no_answer_is_given() -> None:
    heatmap = lively(when_blind="raise")
    heatmap.later(1.0, alive=False, problem="the cable is cut: mend it.", mark_at=NOW)

    with pytest.raises(NotLiveError, match=r"as of .* UTC: The cable is cut: mend it\. Not alive since"):
        heatmap.get_best_cluster("BTCUSDT")


def test_prices_without_liquidations_are_no_quiet_market() -> None:
    heatmap = lively()
    gap = Gap("binance", NOW, None, "no liquidation came, though 14 were likely", Stream.LIQUIDATIONS)
    heatmap.later(8_400.0, mute_since=NOW, gaps=(gap,))

    with pytest.warns(StaleDataWarning, match="Binance sends prices, but since .* UTC no liquidation came, though 14"):
        clusters = heatmap.get_clusters("BTCUSDT")

    status = heatmap.status()
    assert (clusters.alive, status.alive, status.problem) == (False, True, clusters.problem)
    assert [(each.stream, each.end) for each in status.gaps] == [("liquidations", None)]


def test_gaps_that_are_open_at_a_stop_end_there_and_are_kept() -> None:
    heatmap = lively()
    mute = Gap("binance", NOW, None, "no liquidation came, though 14 were likely", Stream.LIQUIDATIONS)
    lost = Gap("binance", NOW + 8_000.0, None, "the connection broke")
    heatmap.later(8_400.0, mute_since=NOW, gaps=(mute, lost))
    heatmap.watch._stopped(heatmap.watch.board.feeds["binance"])
    stopped = heatmap.status().gaps
    heatmap.later(1.0)

    ends = [None if gap.end is None else gap.end.timestamp() for gap in stopped]
    assert [(gap.stream, gap.cause) for gap in stopped] == [("liquidations", mute.cause), ("all", lost.cause)]
    assert ends == [NOW + 8_405.0, NOW + 8_405.0]
    assert heatmap.status().gaps == stopped
    assert heatmap.watch._watched_until == NOW + 8_405.0


def test_a_clock_so_far_behind_that_liquidations_are_refused_is_a_problem() -> None:
    heatmap = lively()
    heatmap.later(1.0, latency_s=-90.0, latency_frames=60)

    with pytest.warns(StaleDataWarning, match="clock is 90 s behind Binance's: liquidations are left out"):
        clusters = heatmap.get_clusters("BTCUSDT")

    assert (clusters.alive, heatmap.status().alive, heatmap.status().problem) == (False, True, clusters.problem)


def test_alive_before_the_first_building_is_no_quiet_market_either() -> None:
    heatmap = Offline()
    heatmap.proven()

    with pytest.warns(StaleDataWarning, match="Clusters are built for the first time within 5 s"):
        clusters = heatmap.get_clusters("BTCUSDT")

    assert (clusters, clusters.as_of, clusters.alive) == ([], None, False)


def test_clusters_that_are_not_built_any_more_are_old_although_the_feed_is_alive() -> None:
    heatmap = lively()
    heatmap.watch.board.snapshot = replace(heatmap.watch.board.snapshot, as_of=NOW - 12.0)

    with pytest.warns(StaleDataWarning, match="Clusters were last built at .* UTC, though that is due every 5 s"):
        assert not heatmap.get_clusters("BTCUSDT").alive


def test_a_clock_that_was_set_back_makes_nothing_heavier() -> None:
    heatmap = lively()
    before = heatmap.get_clusters("BTCUSDT")[0].total_notional
    heatmap.clock.at -= 3.0

    assert heatmap.get_clusters("BTCUSDT")[0].total_notional == pytest.approx(before)


def test_a_callback_is_given_values_of_its_own() -> None:
    heatmap = Offline()
    told: list[LiveLiquidation] = []
    heatmap.on_liquidation(told.append)
    heatmap.proven()
    heatmap.liquidate(1, PositionSide.SHORT, 103.0, 100_000.0)
    for call in heatmap._callbacks._waiting:
        call()

    assert (told[0].side, told[0].price, told[0].notional_usd) == ("short", 103.0, 100_000.0)
    assert told[0].to_dict()["time"] == "2026-11-18T11:06:40+00:00"
