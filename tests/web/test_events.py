"""Server-Sent Events over real sockets: order, resuming, and clients that do not read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from liqalert.core.market import FeedStatus, Liquidation, PositionSide
from liqalert.web import events as under_test
from tests.web.rig import BTC, ETH, NOW, Client, Rig, mark, snapshot

PATH = "/api/v1/events?symbol=BTCUSDT"


@pytest.fixture(autouse=True)
def market(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.board.snapshot = snapshot(marks=[mark(), mark(ETH)])
    rig.board.feed_changed(FeedStatus("binance", alive=True, since=NOW - 100.0, mark_at=NOW - 2.0))
    monkeypatch.setattr(under_test, "STATE_S", 0.05)


def liquidated(number: int, instrument: object = BTC) -> Liquidation:
    return Liquidation(instrument, PositionSide.LONG, 100.0 + number, 1.0, 100.0 + number, NOW, NOW)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def listening(client: Client, **headers: str) -> AsyncIterator[aiohttp.ClientResponse]:
    async with client.session.get(PATH, headers=headers) as response:
        yield response


async def messages(response: aiohttp.ClientResponse, event: str, count: int) -> list[dict[str, object]]:
    """The next `count` messages called `event`, with their id."""
    found: list[dict[str, object]] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            fields: dict[str, str] = {}
            while line := (await response.content.readline()).decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                fields[name] = value
            if fields.get("event") == event:
                found.append({"id": fields.get("id"), **msgspec.json.decode(fields["data"])})
    return found


async def test_the_state_comes_every_second_whatever_happens(client: Client) -> None:
    async with listening(client) as response:
        first, second = await messages(response, "state", 2)

    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    assert (first["alive"], first["mark"], first["mark_age_s"]) == (True, 100.0, 2.0)
    assert first == second


async def test_liquidations_of_the_instrument_come_in_order_and_no_others(rig: Rig, client: Client) -> None:
    async with listening(client) as response:
        await messages(response, "state", 1)
        for number in range(3):
            rig.events.take([liquidated(number)])
            rig.events.take([liquidated(number, ETH)])
        found = await messages(response, "liquidation", 3)

    assert [item["price"] for item in found] == [100.0, 101.0, 102.0]
    assert {item["symbol"] for item in found} == {"BTCUSDT"}


async def test_a_liquidation_says_when_it_happened_and_when_it_was_received(rig: Rig, client: Client) -> None:
    async with listening(client) as response:
        await messages(response, "state", 1)
        rig.events.take([Liquidation(BTC, PositionSide.SHORT, 101.5, 2.0, 203.0, NOW - 0.25, NOW)])
        [found] = await messages(response, "liquidation", 1)

    assert {name: value for name, value in found.items() if name != "id"} == {
        "symbol": "BTCUSDT",
        "liquidated": "short",
        "price": 101.5,
        "notional_usd": 203.0,
        "at": "2023-11-14T22:13:19.750Z",
        "received_at": "2023-11-14T22:13:20.000Z",
    }


async def test_what_comes_while_a_client_connects_is_not_missed(rig: Rig) -> None:
    async def liquidate(_: web.Request, __: web.StreamResponse) -> None:
        rig.events.take([liquidated(1)])

    app = web.Application()
    app.router.add_get("/api/v1/events", rig.events.stream)
    app.on_response_prepare.append(liquidate)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        async with session.get(server.make_url(PATH)) as response:
            [found] = await messages(response, "liquidation", 1)
        await rig.events.close(app)

    assert found["price"] == 101.0


async def test_who_comes_back_is_given_what_it_missed(rig: Rig, client: Client) -> None:
    async with listening(client) as response:
        await messages(response, "state", 1)
        rig.events.take([liquidated(0)])
        [seen] = await messages(response, "liquidation", 1)
    for number in range(1, 4):
        rig.events.take([liquidated(number)])

    async with listening(client, **{"Last-Event-ID": str(seen["id"])}) as response:
        found = await messages(response, "liquidation", 3)

    assert [item["price"] for item in found] == [101.0, 102.0, 103.0]


@pytest.mark.parametrize("last", ["another-5", "garbage", "-1", "99999999999999999999-1"])
async def test_what_cannot_be_resumed_is_begun_anew(rig: Rig, client: Client, last: str) -> None:
    rig.events.take([liquidated(0)])

    async with listening(client, **{"Last-Event-ID": last}) as response:
        assert await messages(response, "reset", 1)


async def test_who_missed_too_much_begins_anew(rig: Rig, client: Client) -> None:
    async with listening(client) as response:
        await messages(response, "state", 1)
        rig.events.take([liquidated(0)])
        [seen] = await messages(response, "liquidation", 1)
    for number in range(under_test.MOST_WAITING + 1):
        rig.events.take([liquidated(number)])

    async with listening(client, **{"Last-Event-ID": str(seen["id"])}) as response:
        assert await messages(response, "reset", 1)


async def test_a_client_that_left_is_forgotten(rig: Rig, client: Client) -> None:
    async with listening(client) as response:
        await messages(response, "state", 1)
        assert rig.events.clients == 1

    async with asyncio.timeout(5):
        while rig.events.clients:
            await asyncio.sleep(0.02)


async def test_a_client_that_does_not_read_is_dropped_and_holds_no_memory(rig: Rig, client: Client) -> None:
    files = Path("/proc/self/fd")
    open_before = len(list(files.iterdir()))
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port, limit=1024)
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await writer.drain()
    await reader.read(100)
    async with asyncio.timeout(5):
        while not rig.events.clients:
            await asyncio.sleep(0.01)

    async with asyncio.timeout(20):
        number = 0
        while rig.events.clients:
            for _ in range(under_test.MOST_WAITING * 2):
                rig.events.take([liquidated(number := number + 1)])
            await asyncio.sleep(0)
        # But for our own end.
        while len(list(files.iterdir())) > open_before + 1:
            await asyncio.sleep(0.01)

    writer.close()


async def test_client_101_is_told_to_come_later(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "MOST_CLIENTS", 1)
    async with listening(client) as response:
        await messages(response, "state", 1)

        status, answer = await client.get(PATH)

    assert status == 503
    assert answer["error"].startswith("1 clients are served already")


async def test_a_symbol_is_needed_and_must_be_known(client: Client) -> None:
    assert (await client.get("/api/v1/events"))[0] == 400
    assert (await client.get("/api/v1/events?symbol="))[0] == 400
    assert (await client.get("/api/v1/events?symbol=NOSUCH"))[0] == 404


async def test_a_client_to_which_nothing_has_come_yet_is_given_what_it_missed_too(rig: Rig, client: Client) -> None:
    async with listening(client) as response:
        [state] = await messages(response, "state", 1)
    rig.events.take([liquidated(1)])

    async with listening(client, **{"Last-Event-ID": str(state["id"])}) as response:
        [found] = await messages(response, "liquidation", 1)

    assert found["price"] == 101.0


async def test_the_stream_is_not_begun_for_who_wants_the_headers_only(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark(BTC)])

    async with client.session.head("/api/v1/events?symbol=BTC") as response:
        status, allowed = response.status, response.headers["Allow"]

    assert (status, allowed) == (405, "GET")
    assert rig.events.clients == 0
