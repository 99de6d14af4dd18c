"""One heatmap: what is clustered where, every few seconds."""

from __future__ import annotations

import time

from liqalert import LiquidationCluster, LiveLiquidationHeatmap


def run(symbol: str, seconds: float) -> None:
    with LiveLiquidationHeatmap() as heatmap:
        heatmap.start_stream(symbols=[symbol])
        heatmap.wait_until_live(timeout=60)
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            clusters = heatmap.get_clusters(symbol)
            print(f"\n{clusters.as_of:%H:%M:%S} UTC, price {clusters.price:,}: {len(clusters)} clusters")
            for cluster in clusters[:5]:
                print("  ", describe(cluster))
            time.sleep(min(5.0, seconds))


def describe(cluster: LiquidationCluster) -> str:
    """One line. The question mark says that the strength is a guess."""
    calibrated = "" if cluster.calibrated else "?"
    return (
        f"{cluster.side}s liquidated at {cluster.price_low:,} to {cluster.price_high:,}, "
        f"{cluster.distance_from_price:.2f} % away: {cluster.total_notional:,.0f} USD in "
        f"{cluster.liquidation_count} liquidations, strength {cluster.strength:.2f}{calibrated}"
    )
