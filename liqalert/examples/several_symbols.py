"""All contracts at once, by callbacks: nothing is asked, everything is told."""

from __future__ import annotations

import time

from liqalert import Clusters, LiveLiquidation, LiveLiquidationHeatmap
from liqalert.examples.standalone import describe


def run(symbol: str, seconds: float) -> None:
    """`symbol` is not looked at: this one shows every contract."""
    heatmap = LiveLiquidationHeatmap()

    @heatmap.on_liquidation
    def tell(liquidation: LiveLiquidation) -> None:
        print(f"{liquidation.symbol}: a {liquidation.side} of {liquidation.notional_usd:,.0f} USD liquidated")

    @heatmap.on_clusters
    def tell_strongest(symbol: str, clusters: Clusters) -> None:
        if clusters:
            print(f"{symbol}: {len(clusters)} clusters; the strongest: {describe(clusters[0])}")

    with heatmap:
        heatmap.start_stream()
        heatmap.wait_until_live(timeout=60)
        time.sleep(seconds)
        print(heatmap.status())
