"""Clusters of plain dicts, as `LiquidationHunter.identify_clusters` makes them, and the best of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from liqalert import LiquidationHunter
from liqalert.clock import SystemClock
from tests.binance_messages import force_order
from tests.library.test_choosing import cluster

AT = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)


def row(step: int, *, side: str = "long", price: float = 96.0, usd: float = 1e6, **other: Any) -> Mapping[str, object]:
    at = AT + timedelta(seconds=step)
    return {"price": price + step / 1000.0, "side": side, "notional_usd": usd, "time": at, **other}


def test_plain_dicts_become_clusters_that_are_never_wider_than_the_window() -> None:
    rows = (
        [row(n) for n in range(6)] + [row(n, price=99.0) for n in range(5)] + [row(n, side="short") for n in range(4)]
    )

    clusters = LiquidationHunter().identify_clusters(rows, 100.0)

    assert [(each.side, each.liquidation_count) for each in clusters] == [("long", 6), ("long", 5)]
    first = clusters[0]
    assert (first.price_low, first.price_high) == (96.0, pytest.approx(96.005))
    assert first.distance_from_price == pytest.approx(4.0, abs=0.01)
    assert first.total_notional == pytest.approx(6e6, rel=0.01)
    assert first.last_updated == AT + timedelta(seconds=5)
    assert (first.calibrated, first.basis) == (False, "realised")


def test_strength_is_absolute_and_calibrated_by_the_open_interest() -> None:
    rows = [row(n) for n in range(6)]
    hunter = LiquidationHunter()

    [guessed] = hunter.identify_clusters(rows, 100.0)
    [known] = hunter.identify_clusters(rows, 100.0, open_interest_usd=20e9)
    [relative] = LiquidationHunter(strength="relative").identify_clusters(rows, 100.0)

    assert (guessed.calibrated, known.calibrated) == (False, True)
    assert 0.0 < known.strength < guessed.strength < 1.0
    assert relative.strength == 1.0


def test_weights_decay_up_to_the_time_that_is_given() -> None:
    [at_once] = LiquidationHunter().identify_clusters([row(0, price=96.0)] * 5 + [row(n) for n in range(5)], 100.0)
    [later] = LiquidationHunter().identify_clusters(
        [row(n) for n in range(5)], 100.0, now=(AT + timedelta(minutes=60, seconds=2)).isoformat()
    )

    # Equal rows are one liquidation that was reported five times.
    assert at_once.liquidation_count == 5
    assert later.total_notional == pytest.approx(5e6 / 2.718281828, rel=0.001)


@pytest.mark.parametrize(
    "same",
    [
        {"price": 96, "side": "SELL", "quantity": 10_000, "timestamp": AT.timestamp()},
        {"price": "96", "side": "long", "qty": "10000", "event_time": AT.timestamp() * 1000},
        {"price": 96.0, "side": "long", "notional": 960_000.0, "time": AT.replace(tzinfo=None)},
        {"o": {"s": "BTCUSDT", "S": "SELL", "ap": "96", "z": "10000", "T": 1_795_442_700_000}},
    ],
)
def test_the_usual_ways_of_writing_a_liquidation_are_understood(same: Mapping[str, object]) -> None:
    [found] = LiquidationHunter(min_cluster_size=1).identify_clusters([same], 100.0)

    assert (found.side, found.price_level) == ("long", 96.0)
    assert found.total_notional == pytest.approx(960_000.0)
    assert found.last_updated == AT


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"side": "long", "quantity": 1}], "liquidation 0: price is None: give a number"),
        (
            [row(0), {**row(1), "side": "sell"}],
            "liquidation 1: side is 'sell': give one of 'long', 'short'",
        ),
        ([{"price": 1, "side": "long"}], "liquidation 0: give quantity or qty or notional_usd"),
        ([{"price": float("nan"), "side": "long", "qty": 1}], "liquidation 0: price is nan: give a number above 0"),
        ([{**row(0), "time": float("nan")}], "liquidation 0: time is nan: give a datetime"),
        ([{**row(0), "time": 1_700_000_000 * 10**9}], "time is 1700000000000000000: give a datetime"),
        ([{**row(0), "time": "yesterday"}], "liquidation 0: time is 'yesterday': give a datetime, ISO 8601"),
        ([{**row(0), "time": ""}], "liquidation 0: time is '': give a datetime, ISO 8601, or seconds"),
        ([{**row(0), "time": datetime(1, 1, 1)}], "liquidation 0: time is datetime.datetime(1, 1, 1, 0, 0): give"),
        ([{**row(0), "time": np.datetime64("2026-11-23")}], "time is np.datetime64('2026-11-23'): give a datetime"),
        ([{**row(0), "price": ""}], "liquidation 0: price is '': give a number"),
        ([{**row(0), "price": 10**400}], "liquidation 0: price is 1000"),
        ([("BTCUSDT", 90_000.0)], "liquidation 0 is ('BTCUSDT', 90000.0): give a dict"),  # type: ignore[list-item]
        ([row(0, price=1e308)], "liquidation 0: price is 1e+308: give one of at most 1e+12"),
        ([row(0, quantity=-1.0)], "liquidation 0: quantity is -1.0: give a number above 0"),
        ([row(0, usd=-5.0)], "liquidation 0: notional_usd is -5.0"),
        ([row(0, symbol="BTCUSDT"), row(1, symbol="ETHUSDT")], "liquidations of BTCUSDT, ETHUSDT: give those of one"),
    ],
)
def test_what_cannot_be_understood_is_named(rows: list[Mapping[str, object]], sentence: str) -> None:
    with pytest.raises(ValueError, match=r"liquidation") as refused:
        LiquidationHunter().identify_clusters(rows, 100.0)

    assert sentence in str(refused.value)


def test_a_present_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="now is 'noon': give a datetime"):
        LiquidationHunter().identify_clusters([row(0)], now="noon")


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, "much", None])
def test_a_price_and_an_open_interest_that_are_none_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=f"current_price is {value!r}: give a number above 0"):
        LiquidationHunter().find_best_cluster([], value)
    if value is not None:
        with pytest.raises(ValueError, match=f"open_interest_usd is {value!r}"):
            LiquidationHunter().identify_clusters([row(0)], open_interest_usd=value)


def test_numbers_of_other_libraries_are_numbers() -> None:
    rows = [
        {"price": np.float32(96), "side": "long", "quantity": Decimal(9), "time": np.int64(AT.timestamp()) + n}
        for n in range(5)
    ]

    [found] = LiquidationHunter().identify_clusters(rows)

    assert (found.price_level, found.liquidation_count) == (96.0, 5)


@pytest.mark.parametrize("factor", [1, 1000])
@pytest.mark.parametrize("began", [1_712_101_512, 1_795_442_700])
def test_a_time_in_digits_is_a_number_and_never_a_date(began: int, factor: int) -> None:
    """As a CSV file has it. 1712101512345 could be read as 23:45 on the 15th of October 1712."""
    rows = [{**row(n), "time": str((began + n) * factor + 345 * (factor > 1))} for n in range(5)]

    [found] = LiquidationHunter().identify_clusters(rows)

    assert int(found.last_updated.timestamp()) == began + 4


def message(step: int, symbol: str = "BTCUSDT", **order: Any) -> dict[str, Any]:
    fields = {"price": 76_800 + step, "quantity": 10, "at_ms": 1_795_442_700_000 + step * 1000}
    return force_order(symbol, "SELL", **{**fields, **order})


def test_messages_of_binance_mean_what_they_mean_to_the_feed() -> None:
    hunter = LiquidationHunter(min_cluster_size=1)
    rows = [
        message(0, st=1),
        message(1, ap="0", p="76000", q="2", z="1"),
        message(2, z="0"),
        {"o": {"s": "BTCUSDT", "S": "SELL", "ap": 76_802, "z": 10, "T": 1_795_442_702_000}},
    ]

    [found] = hunter.identify_clusters(rows, 78_000.0)

    assert (found.symbol, found.side, found.liquidation_count) == ("BTCUSDT", "long", 3)
    assert (found.price_low, found.price_high) == (76_000.0, 76_802.0)
    assert found.total_notional == pytest.approx(768_000 + 152_000 + 768_020, rel=0.001)


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (message(0, "BTCUSD_PERP", st=2), "BTCUSD_PERP: its quantity counts contracts of COIN-M, whose size is not"),
        (message(0, "ETHBTC", price="0.0312"), "ETHBTC: its price is not in US dollars: give notional_usd"),
        (message(0, st=3), "BTCUSDT: st is neither 1 (USD-M) nor 2 (COIN-M)"),
        (message(0, S="sell"), "BTCUSDT: o.S is neither SELL nor BUY"),
        (message(0, ap="NaN"), "BTCUSDT: a field of o is missing or out of range"),
        (message(0, z=AT.tzinfo), "no message of Binance's"),
    ],
)
def test_a_message_that_means_no_dollars_is_refused_and_never_multiplied(
    refused: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match="liquidation 1: ") as error:
        LiquidationHunter().identify_clusters([message(0), refused], 78_000.0)

    assert sentence in str(error.value)


@pytest.mark.parametrize(("symbol", "fields"), [("BTCUSD_PERP", {"st": 2}), ("ETHBTC", {"price": "0.0312"})])
def test_a_message_is_worth_the_dollars_that_stand_beside_it(symbol: str, fields: dict[str, Any]) -> None:
    rows = [message(step, symbol, **fields) | {"notional_usd": 1_000.0} for step in range(6)]

    [found] = LiquidationHunter().identify_clusters(rows)

    assert (found.symbol, found.liquidation_count) == (symbol, 6)
    assert found.total_notional == pytest.approx(6_000.0, rel=0.01)


def test_without_a_time_it_happened_now_and_equal_ones_are_several() -> None:
    hunter = LiquidationHunter()
    undated = [{"price": 96.0, "side": "long", "quantity": 10.0} for _ in range(6)]
    dated = {**undated[0], "time": AT}

    [given] = hunter.identify_clusters([*undated, dated], now=AT)
    [by_the_newest] = hunter.identify_clusters([dated, *undated])
    [present] = hunter.identify_clusters([{**row, "time": None} for row in undated])

    assert (given.liquidation_count, given.last_updated) == (7, AT)
    assert given.total_notional == pytest.approx(7 * 960.0)
    assert (by_the_newest.liquidation_count, by_the_newest.last_updated) == (7, AT)
    assert present.liquidation_count == 6
    assert SystemClock().now() - present.last_updated.timestamp() < 60.0


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            [row(3600 + n) for n in range(6)],
            "6 of 7 liquidations were left out: 6 happened more than 60 s after 2026-11-23 14:05:00 UTC, "
            "which is taken for now: is their time in UTC?",
        ),
        ([row(-13 * 3600)], "1 of 2 liquidations were left out: 1 happened more than 12 h before 2026-11-23 14:05:00"),
        ([row(-2), row(-1, price=43.0)], "1 of 3 liquidations were left out: 1 priced below half or above double"),
    ],
)
def test_what_is_left_out_is_told_once_with_the_reason(rows: list[Mapping[str, object]], sentence: str) -> None:
    with pytest.warns(UserWarning, match="left out") as warned:
        LiquidationHunter().identify_clusters([*rows, row(0)], 100.0, now=AT)

    assert [(str(each.message)[: len(sentence)], each.filename) for each in warned] == [(sentence, __file__)]


def test_no_liquidations_are_no_clusters() -> None:
    assert LiquidationHunter().identify_clusters([], 100.0) == []


def test_the_best_is_strong_enough_and_within_the_distance() -> None:
    hunter = LiquidationHunter(min_cluster_strength=0.6, max_distance_pct=0.05)
    clusters = [cluster("weak", 97.0, strength=0.5), cluster("far", 94.0, strength=0.9), cluster("it", 104.0)]

    best = hunter.find_best_cluster(clusters, 100.0)

    assert best is not None
    assert best.cluster_id == "it"
