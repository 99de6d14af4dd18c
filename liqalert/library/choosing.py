"""Which cluster is the best to look at, and what it signals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from liqalert.library.clusters import LiquidationCluster

BEST_DISTANCE_PCT = 3.5
"""A cluster this far away counts as near in full; one at the price, or twice as far, not at all."""

Signal: TypeAlias = Literal[-1, 0, 1]


def lies_ahead(cluster: LiquidationCluster, price: float) -> bool:
    """Whether price can move toward it: liquidated longs below the price, liquidated shorts above it."""
    return cluster.price_level < price if cluster.side == "long" else cluster.price_level > price


def nearness(distance_pct: float) -> float:
    """0 to 1."""
    return max(0.0, 1.0 - abs(distance_pct - BEST_DISTANCE_PCT) / BEST_DISTANCE_PCT)


def best_cluster(
    clusters: Iterable[LiquidationCluster],
    price: float,
    *,
    min_strength: float,
    max_distance_pct: float = float("inf"),
) -> LiquidationCluster | None:
    """The best by 0.7 strength + 0.3 nearness among those that lie ahead, seen from `price`; None of none."""
    seen = [cluster.seen_from(price) for cluster in clusters]
    fitting = [
        cluster
        for cluster in seen
        if cluster.strength >= min_strength and lies_ahead(cluster, price) and _distance(cluster) <= max_distance_pct
    ]
    return max(fitting, key=lambda cluster: (_score(cluster), cluster.cluster_id), default=None)


def signal_of(cluster: LiquidationCluster, max_distance_pct: float) -> tuple[Signal, float]:
    """The direction price would have to go, and strength x max(0, 1 - distance / max_distance)."""
    weight = max(0.0, 1.0 - _distance(cluster) / max_distance_pct)
    return -1 if cluster.side == "long" else 1, cluster.strength * weight


def _score(cluster: LiquidationCluster) -> float:
    return 0.7 * cluster.strength + 0.3 * nearness(_distance(cluster))


def _distance(cluster: LiquidationCluster) -> float:
    return float("inf") if cluster.distance_from_price is None else cluster.distance_from_price
