"""The hunter: a signal, and sources that are what they are called."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import pytest

from liqalert import AsyncLiveLiquidationHeatmap, LiquidationHunter, LiveLiquidationHeatmap, NotLiveError
from liqalert.library.clusters import Clusters
from liqalert.library.options import WhenBlind
from liqalert.library.view import SILENT
from tests.library.test_choosing import cluster


class FakeSource:
    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters
        self.closed = False

    def clusters(self, symbol: str, price: float) -> Clusters:
        return self._clusters

    def close(self) -> None:
        self.closed = True


def test_a_signal_is_where_the_best_cluster_lies() -> None:
    hunter = LiquidationHunter()
    hunter._source = FakeSource(Clusters([cluster("below", 97.5), cluster("above", 109.0)], alive=True))

    signal, strength, best = hunter.generate_signal("BTC/USDT:USDT", 100.0)

    assert best is not None
    assert (signal, best.cluster_id, best.distance_from_price) == (-1, "below", pytest.approx(2.5))
    assert strength == pytest.approx(0.7 * 0.75)


def test_without_a_level_ahead_there_is_no_signal() -> None:
    hunter = LiquidationHunter()
    hunter._source = FakeSource(Clusters(alive=True))

    assert hunter.generate_signal("BTCUSDT", 100.0) == (0, 0.0, None)


def test_without_a_source_the_error_says_what_to_call() -> None:
    with pytest.raises(RuntimeError, match=r"call set_data_source\(source\) with one of live_binance, liqalert"):
        LiquidationHunter().generate_signal("BTCUSDT", 100.0)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"source": "bybit"}, ValueError, "source is 'bybit': give one of 'live_binance', 'liqalert'"),
        ({"source": "liqalert", "path": "x"}, TypeError, "liqalert has no path: it takes url, token"),
        ({"source": "recording"}, TypeError, "recording needs path="),
        ({"source": "coinglass"}, TypeError, "coinglass needs api_key="),
        (
            {"symbols": ["ETHUSDT"], "live_heatmap": AsyncLiveLiquidationHeatmap()},
            TypeError,
            "await its start_stream(symbols), and leave symbols= out here",
        ),
    ],
)
def test_a_source_that_cannot_be_is_refused_and_the_one_before_stays(
    arguments: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    hunter, before = LiquidationHunter(), FakeSource(Clusters())
    hunter._source = before

    with pytest.raises(error) as refused:
        hunter.set_data_source(**arguments)

    assert sentence in str(refused.value)
    assert (hunter._source, before.closed) == (before, False)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"min_cluster_strength": 60}, "min_cluster_strength is 60: give 0 to 1 (it is a strength)"),
        ({"min_cluster_strength": "0.6"}, "min_cluster_strength is '0.6': give 0 to 1"),
        ({"min_cluster_size": None}, "min_cluster_size is None: give 1 to 1000"),
        ({"max_distance_pct": 10}, "max_distance_pct is 10: give 0.0001 to 1 (it is a fraction, 0.10 for 10 %)"),
    ],
)
def test_a_wrong_option_is_refused_in_a_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match="give") as refused:
        LiquidationHunter(**options)

    assert sentence in str(refused.value)


def test_a_hunter_leaves_alone_what_it_was_given() -> None:
    given = FakeHeatmap()
    with LiquidationHunter() as hunter:
        hunter.set_data_source("live_binance", live_heatmap=given)  # type: ignore[arg-type]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            signal = hunter.generate_signal("btc", 100.0)[0]

    assert (signal, given.stopped) == (-1, False)


class FakeHeatmap:
    def __init__(self) -> None:
        self.stopped = False

    def get_clusters(self, symbol: str) -> Clusters:
        return Clusters([cluster("below", 97.5)], alive=True)

    def stop_stream(self) -> None:
        self.stopped = True


@pytest.mark.filterwarnings("ignore::liqalert.StaleDataWarning")
@pytest.mark.parametrize("of_heatmap", ["warn", "ignore"])
def test_a_hunter_that_is_to_raise_does_so_whatever_its_heatmap_does(of_heatmap: WhenBlind) -> None:
    hunter = LiquidationHunter(when_blind="raise")
    hunter.set_data_source(live_heatmap=LiveLiquidationHeatmap(when_blind=of_heatmap))

    with pytest.raises(NotLiveError, match="No stream was started"):
        hunter.generate_signal("BTCUSDT", 90_000.0)


def test_a_script_that_sets_up_no_logging_is_told_nothing_by_it() -> None:
    ours = logging.getLogger("liqalert")
    ours.removeHandler(SILENT)

    LiquidationHunter()

    assert SILENT in ours.handlers
