"""A heatmap in the vendor's shape becomes clusters that claim no more than it says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web

from liqalert import DataSourceError, LiquidationHunter, StaleDataWarning
from liqalert.library.coinglass_source import _heatmap
from liqalert.library.requests import Reply

SECRET = "k-e-y"


class Vendor:
    """Answers with `answer`, whatever is asked for; `url` once it serves."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self.of_sides: dict[str, Any] = {}
        """What it answers instead where one position side is asked for."""
        self.url = ""

    async def reply(self, request: web.Request) -> web.Response:
        self.asked.append((request.path_qs, request.headers.get("CG-API-KEY", "")))
        body = msgspec.json.encode(self.of_sides.get(request.query.get("liquidated", ""), self.answer))
        return web.Response(body=body, content_type="application/json", headers=self.headers)


@asynccontextmanager
async def serving(answer: Any) -> AsyncIterator[Vendor]:
    vendor, app = Vendor(answer), web.Application()
    app.router.add_get("/{path:.*}", vendor.reply)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    vendor.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield vendor
    finally:
        await runner.cleanup()


def heatmap(*, age_s: float = 5.0, cells: list[list[float]] | None = None) -> Any:
    """Two columns; rows at 93, 94, 96, 99, 101 and 106; the last price is 100."""
    at = time.time() - age_s  # noqa: TID251 - the vendor's clock
    candles = [[round(at) - 300 * back, "100", "101", "99", "100", "5000"] for back in (1, 0)]
    usual = [[0, 0, 9e9], [1, 0, 100.0], [1, 1, 300.0], [1, 2, 50.0], [1, 5, 200.0]]
    data = {
        "y_axis": [93.0, 94.0, 96.0, 99.0, 101.0, 106.0],
        "liquidation_leverage_data": usual if cells is None else cells,
        "price_candlesticks": candles,
        "update_time": round(at * 1000),
    }
    return {"code": "0", "msg": "success", "data": data}


async def asked(hunter: LiquidationHunter, price: float = 100.0) -> Any:
    return await asyncio.to_thread(hunter.generate_signal, "BTC/USDT:USDT", price)


def hunter_at(vendor: Vendor) -> LiquidationHunter:
    hunter = LiquidationHunter()
    hunter.set_data_source("coinglass", api_key=SECRET, base_url=vendor.url)
    return hunter


async def test_what_stands_now_is_cut_into_windows_and_measured_by_the_biggest() -> None:
    async with serving(heatmap()) as vendor:
        hunter = hunter_at(vendor)
        signal, _, best = await asked(hunter)
        assert hunter._source is not None
        clusters = await asyncio.to_thread(hunter._source.clusters, "btc", 100.0)

    assert [(each.side, each.price_low, each.price_high, each.strength) for each in clusters] == [
        ("long", 93.0, 94.0, 1.0),
        ("short", 106.0, 106.0, 0.5),
        ("long", 96.0, 96.0, 0.125),
    ]
    assert (signal, best.liquidation_count, best.calibrated, best.basis) == (-1, None, False, "projected")
    assert best.price_level == pytest.approx(93.749, abs=0.001)
    assert vendor.asked == [
        ("/api/futures/liquidation/heatmap/model1?exchange=Binance&symbol=BTCUSDT&range=24h", SECRET)
    ]


async def test_an_answer_serves_for_a_minute_from_whatever_price_it_is_seen() -> None:
    async with serving(heatmap()) as vendor:
        hunter = hunter_at(vendor)
        first, second = await asked(hunter), await asked(hunter, 99.0)

    assert len(vendor.asked) == 1
    assert second[2].distance_from_price < first[2].distance_from_price


async def test_levels_of_a_liqalert_were_executed_and_whose_they_were_is_asked_for() -> None:
    """Shorts that were liquidated on the way up lie below the price, where a vendor's estimates are of longs."""
    sides = {"long": [[1, 5, 200.0]], "short": [[1, 0, 100.0], [1, 1, 300.0]]}
    async with serving(heatmap()) as vendor:
        vendor.headers = {"X-Liqalert-Basis": "realised"}
        vendor.of_sides = {side: heatmap(cells=cells) for side, cells in sides.items()}
        hunter = hunter_at(vendor)
        signal, _, _ = await asked(hunter)
        assert hunter._source is not None
        clusters = await asyncio.to_thread(hunter._source.clusters, "btc", 100.0)

    assert [(each.side, each.price_low, each.price_high, each.basis) for each in clusters] == [
        ("short", 93.0, 94.0, "realised"),
        ("long", 106.0, 106.0, "realised"),
    ]
    # No longs below, no shorts above.
    assert signal == 0


@pytest.mark.parametrize("body", [b"", b"\xff", b'"\xff"', b'{"more": ' + b"[" * 50_000])
def test_whatever_bytes_come_there_is_one_sentence(body: bytes) -> None:
    with pytest.raises(DataSourceError, match="answers HTTP 200, but with no heatmap"):
        _heatmap(Reply(200, body, {}), "http://vendor")


async def test_a_key_may_end_as_its_file_does() -> None:
    async with serving(heatmap()) as vendor:
        hunter = LiquidationHunter()
        hunter.set_data_source("coinglass", api_key=f"{SECRET}\n", base_url=vendor.url)
        await asked(hunter)

    assert [key for _, key in vendor.asked] == [SECRET]


async def test_an_old_heatmap_is_told_of() -> None:
    async with serving(heatmap(age_s=3600.0)) as vendor:
        hunter = hunter_at(vendor)
        with pytest.warns(StaleDataWarning, match="The heatmap has not been renewed for 60 min"):
            await asked(hunter)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"code": "401", "msg": "Upgrade plan"}, "answers with code 401: Upgrade plan"),
        ({"code": "0", "data": None}, "answers with code 0"),
        ({"hello": "world"}, "answers HTTP 200, but with no heatmap"),
        (heatmap(cells=[[1, 77, 1.0]]), "with a heatmap that contradicts itself"),
    ],
)
async def test_what_is_no_heatmap_is_an_error_without_the_key(answer: Any, sentence: str) -> None:
    async with serving(answer) as vendor:
        with pytest.raises(DataSourceError) as refused:
            await asked(hunter_at(vendor))

    assert sentence in str(refused.value)
    assert SECRET not in str(refused.value)
