"""A hunter on a heatmap that streams: the level that price could run into next."""

from __future__ import annotations

import time

from liqalert import LiquidationHunter, LiveLiquidationHeatmap

WORDS = {-1: "below", 0: "none", 1: "above"}


def run(symbol: str, seconds: float) -> None:
    with LiveLiquidationHeatmap() as heatmap, LiquidationHunter(min_cluster_strength=0.3) as hunter:
        heatmap.start_stream(symbols=[symbol])
        heatmap.wait_until_live(timeout=60)
        hunter.set_data_source("live_binance", live_heatmap=heatmap)
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            price = heatmap.get_clusters(symbol).price
            if price is not None:
                signal, strength, cluster = hunter.generate_signal(symbol, price)
                where = "" if cluster is None else f" at {cluster.price_level:,.2f}, strength {cluster.strength:.2f}"
                print(f"{symbol} at {price:,}: level {WORDS[signal]}{where}, signal strength {strength:.2f}")
            time.sleep(min(5.0, seconds))
