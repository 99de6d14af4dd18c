"""Every answer has the fields and types that the documentation and other people's clients show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.web.coinglass.rig import Client

PAYLOADS = Path(__file__).parents[2] / "payloads/coinglass"
ANSWERS = {
    "heatmap_model1.documented": "heatmap/model1 exchange=Binance symbol=BTCUSDT range=24h",
    "aggregated-heatmap_model1.observed-shape": "aggregated-heatmap/model1 symbol=BTC range=24h",
    "map.documented": "map exchange=Binance symbol=BTCUSDT range=1d",
    "aggregated-map.documented": "aggregated-map symbol=BTC range=1d",
    "aggregated-map.observed-shape": "aggregated-map symbol=BTC range=1d shape=list",
    "order.documented": "order exchange=Binance symbol=BTC min_liquidation_amount=10000",
    "history.documented": "history exchange=Binance symbol=BTCUSDT interval=1d",
    "aggregated-history.documented": "aggregated-history exchange_list=Binance symbol=BTC interval=1d",
    "coin-list.documented": "coin-list exchange=Binance",
    "exchange-list.documented": "exchange-list symbol=BTC range=24h",
    "exchange-list.observed-shape": "exchange-list symbol=BTC range=24h",
}
ROWS = {
    ".data.liquidation_leverage_data[0]",
    ".data.price_candlesticks[0]",
    ".data.data.*[0]",
    ".data.data[0].liqMapV2.*[0]",
}
"""Lists whose places have meanings."""
LEVERAGE = ".data.data.*[0][2]"
"""The one value of theirs that is null here: of an executed liquidation it is not known."""


@pytest.mark.parametrize("sample", ANSWERS)
async def test_the_answer_has_the_shape_of_the_sample(sample: str, client: Client) -> None:
    expected = msgspec.json.decode((PAYLOADS / f"{sample}.json").read_bytes())
    name, *query = ANSWERS[sample].split()

    answer = await client.get(name, **dict(part.split("=") for part in query))

    assert [difference for difference in differences(expected, answer) if not difference.startswith(LEVERAGE)] == []


async def test_a_position_side_is_all_that_an_order_has_more(client: Client) -> None:
    expected = msgspec.json.decode((PAYLOADS / "order.documented.json").read_bytes())

    orders = await client.data("order", exchange="Binance", symbol="BTC")

    assert set(orders[0]) - set(expected["data"][0]) == {"position_side"}


def differences(expected: Any, answer: Any, place: str = "") -> Iterator[str]:
    """Where `answer` has not the type of `expected`; of a list every item is held against the first expected one."""
    match expected, answer:
        case dict(), dict():
            by_price = all(key.isdigit() for key in expected)
            wanted = dict.fromkeys(answer, next(iter(expected.values()))) if by_price else expected
            for key, value in wanted.items():
                inner = f"{place}.*" if by_price else f"{place}.{key}"
                yield from differences(value, answer[key], inner) if key in answer else [f"{inner} is missing"]
        case list(), list() if place in ROWS:
            for number, (value, found) in enumerate(zip(expected, answer, strict=True)):
                yield from differences(value, found, f"{place}[{number}]")
        case list(), list():
            yield from [] if answer else [f"{place} is empty"]
            for found in answer:
                yield from differences(expected[0], found, f"{place}[0]")
        case ((int() | float()), (int() | float())):
            return
        case _ if type(expected) is not type(answer):
            yield f"{place} is {answer!r} and should be like {expected!r}"
