"""Inside the loop of a bot that has asyncio: blind is not the same as quiet, so a blind answer is an error here.

It trades nothing, and the signal is no advice: it is the direction in which a level lies.
"""

from __future__ import annotations

import asyncio

from liqalert import AsyncLiveLiquidationHeatmap, LiquidationHunter, NotLiveError


def run(symbol: str, seconds: float) -> None:
    asyncio.run(trade(symbol, seconds))


async def trade(symbol: str, seconds: float) -> None:
    async with AsyncLiveLiquidationHeatmap(when_blind="raise") as heatmap:
        await heatmap.start_stream(symbols=[symbol])
        await heatmap.wait_until_live(timeout=60)
        hunter = LiquidationHunter(min_cluster_strength=0.3)
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + seconds
        while loop.time() < ends_at:
            step(heatmap, hunter, symbol)
            await asyncio.sleep(min(1.0, seconds))


def step(heatmap: AsyncLiveLiquidationHeatmap, hunter: LiquidationHunter, symbol: str) -> None:
    try:
        clusters = heatmap.get_clusters(symbol)
    except NotLiveError as exc:
        print(f"nothing is decided while nothing is seen: {exc}")
        return
    if clusters.price is None:
        return
    best = hunter.find_best_cluster(clusters, clusters.price)
    if best is None:
        print(f"{symbol} at {clusters.price:,}: no level ahead")
    else:
        print(f"{symbol} at {clusters.price:,}: {best.side}s were liquidated at {best.price_level:,.2f}")
