"""One whole answer of every endpoint, as it goes over the wire."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from tests.golden_text import golden
from tests.web.coinglass.rig import KEY, Client

ANSWERS = {
    "heatmap": "heatmap/model1?exchange=Binance&symbol=BTCUSDT&range=12h",
    "heatmap_of_a_tiny_price": "heatmap/model1?exchange=Binance&symbol=1000PEPEUSDT&range=12h",
    "aggregated_heatmap": "aggregated-heatmap/model1?symbol=BTC&range=12h",
    "map": "map?exchange=Binance&symbol=BTCUSDT&range=1d",
    "map_as_list": "map?exchange=Binance&symbol=BTCUSDT&range=1d&shape=list",
    "aggregated_map": "aggregated-map?symbol=BTC&range=1d",
    "aggregated_map_as_list": "aggregated-map?symbol=BTC&range=1d&shape=list",
    "order": "order?exchange=Binance&symbol=BTC&min_liquidation_amount=10000",
    "history": "history?exchange=Binance&symbol=BTCUSDT&interval=1h&limit=6",
    "aggregated_history": "aggregated-history?exchange_list=Binance,OKX,Bybit&symbol=BTC&interval=4h&limit=6",
    "coin_list": "coin-list?exchange=Binance",
    "exchange_list": "exchange-list?symbol=BTC&range=24h",
    "heatmap_model2": "heatmap/model2?exchange=Binance&symbol=BTCUSDT&range=24h",
    "heatmap_model3": "heatmap/model3?exchange=Binance&symbol=BTCUSDT&range=24h",
    "aggregated_heatmap_model2": "aggregated-heatmap/model2?symbol=BTC&range=24h",
    "aggregated_heatmap_model3": "aggregated-heatmap/model3?symbol=BTC&range=24h",
    "max_pain": "max-pain?range=24h",
    "aggregated_max_pain": "aggregated-max-pain?symbol=BTC&range=24h",
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_the_whole_answer(name: str, client: Client) -> None:
    path = f"/api/futures/liquidation/{ANSWERS[name]}"

    async with client.session.get(path, headers=KEY) as response:
        body = await response.text()

    assert readable(body) == golden(f"coinglass/{name}.json", readable(body))


def readable(body: str) -> str:
    """JSON with every innermost list on a line of its own."""
    return re.sub(
        r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), json.dumps(msgspec.json.decode(body), indent=1)
    )
