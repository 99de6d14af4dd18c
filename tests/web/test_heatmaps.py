from __future__ import annotations

import asyncio
import gzip

import aiohttp
import msgspec
import pytest
from yarl import URL

from liqalert.ports import StorageError
from tests.web.rig import BTC, NOW, Client, Rig, mark, snapshot

PATH = "/api/v1/heatmap/BTCUSDT"


@pytest.fixture(autouse=True)
def market(rig: Rig) -> None:
    rig.board.snapshot = snapshot(marks=[mark()])


async def test_the_numbers_have_the_shape_of_the_contract(client: Client) -> None:
    status, answer = await client.get(f"{PATH}?range=1h")

    assert status == 200
    assert (answer["exchange"], answer["symbol"], answer["range"], answer["basis"]) == (
        "binance",
        "BTCUSDT",
        "1h",
        "realised",
    )
    assert answer["as_of"] == "2023-11-14T22:13:20.000Z"
    assert (answer["decay_minutes"], answer["column_s"], answer["columns"]) == (60.0, 60.0, 60)
    assert answer["row_pct"] == pytest.approx(0.075)
    assert answer["price_low"] == pytest.approx(98.0 / 1.05, rel=1e-3)
    [cell] = answer["cells"]
    assert (cell[0], cell[2:]) == (59, [1000, 0, 1])
    assert answer["price_low"] * (1 + answer["row_pct"] / 100) ** cell[1] <= 100.0
    assert answer["candles"][-1][1:] == [99.0, 101.0, 98.0, 100.0]
    assert (len(answer["candles"]), len(answer["watched"]), len(answer["saturated_s"])) == (60, 60, 60)
    assert answer["gaps"] == []


async def test_the_range_is_a_day_unless_asked_and_the_symbol_may_be_spelled_freely(rig: Rig, client: Client) -> None:
    await client.get("/api/v1/heatmap/BTC/USDT:USDT")

    assert rig.grids.asked == [(BTC, "24h", None)]


async def test_a_past_moment_reaches_the_desk(rig: Rig, client: Client) -> None:
    await client.get(f"{PATH}?at=2023-11-14T20:00:00Z")
    await client.session.get(URL(f"{PATH}.png?at=2023-11-14T21:00:00%2B01:00&range=7d", encoded=True))

    at = NOW - 2 * 3600 - 13 * 60 - 20
    assert rig.grids.asked == [(BTC, "24h", at), (BTC, "7d", at)]


@pytest.mark.parametrize(
    ("query", "status", "said", "allowed"),
    [
        ("range=2y", 400, "range is '2y'.", ["1h", "4h", "12h", "24h", "3d", "7d"]),
        ("at=yesterday", 400, "at is 'yesterday': give a moment.", ["2026-11-23T14:05:00Z"]),
        ("at=2099-01-01", 400, "at is '2099-01-01', which is not in the past.", ["up to 2023-11-14T22:13:20.000Z"]),
        ("at=0001-01-01", 400, "at is '0001-01-01', which is not in the past.", ["up to 2023-11-14T22:13:20.000Z"]),
        ("rows=5", 400, "The query has 'rows', which means nothing here.", ["range", "at"]),
    ],
)
async def test_a_mistake_is_answered_with_what_would_have_been_right(
    client: Client, query: str, status: int, said: str, allowed: list[str]
) -> None:
    for path in (PATH, f"{PATH}.png"):
        assert await client.get(f"{path}?{query}") == (status, {"error": said, "allowed": allowed})


async def test_an_unknown_symbol_is_404_with_the_nearest(client: Client) -> None:
    assert await client.get("/api/v1/heatmap/BTCUSTD") == (
        404,
        {"error": "BTCUSTD is not known here.", "allowed": ["BTCUSDT"]},
    )


async def test_gzip_and_etag(client: Client) -> None:
    async with client.session.get(PATH, headers={"Accept-Encoding": "identity"}) as plain:
        body, etag = await plain.read(), plain.headers["ETag"]
    async with client.session.get(PATH, headers={"Accept-Encoding": "gzip"}, auto_decompress=False) as zipped:
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(await zipped.read()) == body
    async with client.session.get(PATH, headers={"If-None-Match": etag}) as again:
        assert (again.status, await again.read()) == (304, b"")

    assert plain.headers["Cache-Control"] == "no-cache"
    assert msgspec.json.decode(body)["symbol"] == "BTCUSDT"


async def test_a_thousand_askers_of_the_same_grid_are_all_answered_alike(client: Client) -> None:
    patient = aiohttp.ClientTimeout(total=45)

    async def ask() -> bytes:
        async with client.session.get(PATH, timeout=patient) as response:
            return await response.read()

    bodies = await asyncio.gather(*(ask() for _ in range(1000)))

    assert len(set(bodies)) == 1


async def test_the_picture_is_a_png(client: Client) -> None:
    async with client.session.get(f"{PATH}.png") as response:
        assert (response.status, response.content_type, await response.read()) == (200, "image/png", b"\x89PNG")


async def test_a_database_that_does_not_answer_is_said(rig: Rig, client: Client) -> None:
    rig.grids.broken = StorageError("reading liquidations failed: disk I/O error")

    assert await client.get(PATH) == (503, {"error": "reading liquidations failed: disk I/O error", "allowed": []})
