"""The best cluster, by numbers that can be checked by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from liqalert.library.choosing import best_cluster, nearness, signal_of
from liqalert.library.clusters import LiquidationCluster

AT = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)


def cluster(name: str, level: float, **other: Any) -> LiquidationCluster:
    shape: dict[str, Any] = {
        "side": "long" if level < 100.0 else "short",
        "liquidation_count": 10,
        "total_notional": 1e6,
        "strength": 0.7,
        "distance_from_price": None,
        "calibrated": True,
    }
    return LiquidationCluster(
        symbol="BTCUSDT",
        price_level=level,
        price_low=level * 0.99,
        price_high=level * 1.01,
        last_updated=AT,
        as_of=AT,
        cluster_id=name,
        **(shape | other),
    )


@pytest.mark.parametrize(
    ("distance", "near"), [(3.5, 1.0), (0.0, 0.0), (7.0, 0.0), (1.75, 0.5), (5.25, 0.5), (20.0, 0.0)]
)
def test_nearness_is_greatest_three_and_a_half_per_cent_away(distance: float, near: float) -> None:
    assert nearness(distance) == pytest.approx(near)


def test_the_best_has_the_most_of_strength_and_nearness_together() -> None:
    # 0.7 * 0.9 + 0.3 * 0 = 0.63; 0.7 * 0.7 + 0.3 * 1 = 0.79; 0.7 * 0.75 + 0.3 * 0.5 = 0.675
    clusters = [cluster("far", 90.0, strength=0.9), cluster("near", 96.5), cluster("edge", 105.25, strength=0.75)]

    best = best_cluster(clusters, 100.0, min_strength=0.6)

    assert best is not None
    assert (best.cluster_id, best.distance_from_price) == ("near", pytest.approx(3.5))


def test_what_price_has_left_behind_is_no_candidate() -> None:
    behind = [cluster("longs above", 103.0, side="long"), cluster("shorts below", 97.0, side="short")]

    assert best_cluster(behind, 100.0, min_strength=0.0) is None


def test_what_is_weaker_or_further_than_asked_is_no_candidate() -> None:
    clusters = [cluster("weak", 97.0, strength=0.59), cluster("far", 89.0, strength=0.9)]

    assert best_cluster(clusters, 100.0, min_strength=0.6, max_distance_pct=10.0) is None


def test_the_signal_points_to_the_cluster_and_fades_with_its_distance() -> None:
    below, above = (cluster(name, level).seen_from(100.0) for name, level in (("below", 97.5), ("above", 110.0)))

    assert signal_of(below, 10.0) == (-1, pytest.approx(0.7 * 0.75))
    assert signal_of(above, 10.0) == (1, pytest.approx(0.0))
