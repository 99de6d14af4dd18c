"""The server on a real socket: who gets what, and when a connection ends."""

from __future__ import annotations

import asyncio
import inspect

import aiohttp
import pytest

from liqalert.clock import SystemClock
from liqalert.sim.clock import ScaledClock
from liqalert.sim.frames import Frame
from liqalert.sim.server import SimulatedExchange
from liqalert.sim.sources import MarketSource
from tests.feeds.rig import Sink, running, until
from tests.sim.rig import LIQUIDATIONS, MARKS, START, Ticker, connected, frames, get, serving, small_market


async def test_combined_stream_is_wrapped() -> None:
    async with (
        serving(Ticker()) as exchange,
        connected(exchange, f"/market/stream?streams={LIQUIDATIONS}/{MARKS}") as socket,
    ):
        first, second = await frames(socket, 2)

    assert [first["stream"], second["stream"]] == [LIQUIDATIONS, MARKS]
    assert first["data"]["liquidations"] == second["data"]["marks"]


@pytest.mark.parametrize("path", ["/market/ws/!forceOrder@arr", "/market/ws/%21forceOrder%40arr"])
async def test_stream_in_the_path_is_bare(path: str) -> None:
    async with serving(Ticker()) as exchange, connected(exchange, path) as socket:
        first, second = await frames(socket, 2)

    assert second["liquidations"] == first["liquidations"] + 1


async def test_several_streams_in_the_path() -> None:
    async with serving(Ticker()) as exchange, connected(exchange, f"/market/ws/{MARKS}/{LIQUIDATIONS}") as socket:
        kinds = {kind for frame in await frames(socket, 2) for kind in frame}

    assert kinds == {"marks", "liquidations"}


async def test_subscriptions_are_acknowledged_listed_and_ended() -> None:
    async with serving(Ticker(seconds=0)) as exchange, connected(exchange, "/market/ws") as socket:
        await socket.send_json({"method": "SUBSCRIBE", "params": [LIQUIDATIONS, MARKS], "id": 1})
        await socket.send_json({"method": "UNSUBSCRIBE", "params": [LIQUIDATIONS], "id": 2})
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
        answers = await frames(socket, 3)

    assert answers == [{"result": None, "id": 1}, {"result": None, "id": 2}, {"result": [MARKS], "id": 3}]


async def test_subscribing_begins_the_stream() -> None:
    async with serving(Ticker()) as exchange, connected(exchange, "/market/ws") as socket:
        await socket.send_json({"method": "SUBSCRIBE", "params": [MARKS], "id": 1})
        acknowledged, frame = await frames(socket, 2)

    assert acknowledged == {"result": None, "id": 1}
    assert frame.keys() == {"marks"}


@pytest.mark.parametrize(("sent", "code"), [("{", 3), ('{"method": 1}', 3), ('{"method": "DANCE", "id": 4}', 2)])
async def test_request_that_makes_no_sense_is_answered_with_an_error(sent: str, code: int) -> None:
    async with serving(Ticker(seconds=0)) as exchange, connected(exchange, "/market/ws") as socket:
        await socket.send_str(sent)
        answer = (await frames(socket, 1))[0]

    assert answer["error"]["code"] == code


@pytest.mark.parametrize("path", [f"/stream?streams={MARKS}", f"/ws/{MARKS}", f"/public/stream?streams={MARKS}"])
async def test_address_without_the_route_acknowledges_and_stays_silent(path: str) -> None:
    async with serving(Ticker(), speed=100.0) as exchange, connected(exchange, path) as socket:
        await socket.send_json({"method": "SUBSCRIBE", "params": [LIQUIDATIONS], "id": 1})
        acknowledged = (await frames(socket, 1))[0]

        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.3)

    assert acknowledged == {"result": None, "id": 1}


async def test_symbol_in_capitals_is_accepted_and_silent() -> None:
    async with serving(speed=100.0) as exchange, connected(exchange, "/market/ws/XAUUSDT@markPrice@1s") as socket:
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.3)


async def test_non_ascii_symbol_has_a_stream() -> None:
    path = "/market/ws/%E7%89%9B%E6%9D%A5usdt@markPrice@1s"
    async with serving(speed=100.0) as exchange, connected(exchange, path) as socket:
        frame = (await frames(socket, 1))[0]

    assert (frame["e"], frame["s"]) == ("markPriceUpdate", "牛来USDT")


async def test_pings_come_every_three_minutes() -> None:
    async with (
        serving(Ticker(seconds=0), speed=1_800.0) as exchange,
        connected(exchange, f"/market/ws/{MARKS}", autoping=False) as socket,
    ):
        pings = [await socket.receive(timeout=2.0) for _ in range(2)]

    sent = [int(ping.data) / 1000.0 for ping in pings]
    assert {ping.type for ping in pings} == {aiohttp.WSMsgType.PING}
    assert 180.0 <= sent[1] - sent[0] < 720.0


async def test_ping_of_the_client_is_answered() -> None:
    async with (
        serving(Ticker(seconds=0)) as exchange,
        connected(exchange, f"/market/ws/{MARKS}", autoping=False) as socket,
    ):
        await socket.ping(b"there?")
        answer = await socket.receive(timeout=2.0)

    assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"there?")


async def test_client_that_answers_no_ping_is_cut_after_ten_minutes() -> None:
    async with (
        serving(Ticker(seconds=0), speed=3_000.0) as exchange,
        connected(exchange, f"/market/ws/{MARKS}", autoping=False) as socket,
    ):
        kinds = [(await socket.receive(timeout=10.0)).type]
        while kinds[-1] is aiohttp.WSMsgType.PING:
            kinds.append((await socket.receive(timeout=10.0)).type)

    assert kinds[-1] is aiohttp.WSMsgType.CLOSE
    # Three, or fewer where the machine does not keep up with this clock.
    assert 1 <= len(kinds[:-1]) <= 3


async def test_connection_is_cut_when_its_life_is_over() -> None:
    began = asyncio.get_running_loop().time()
    async with (
        serving(Ticker(seconds=0), speed=400.0, lifetime_s=120.0) as exchange,
        connected(exchange, f"/market/ws/{MARKS}") as socket,
    ):
        end = await socket.receive(timeout=3.0)
    lasted_s = asyncio.get_running_loop().time() - began

    assert end.type is aiohttp.WSMsgType.CLOSE
    assert 0.3 <= lasted_s < 2.0


def test_life_of_a_connection_is_24_hours() -> None:
    assert inspect.signature(SimulatedExchange).parameters["lifetime_s"].default == 86_400.0


async def test_rest_answers_over_http() -> None:
    async with serving() as exchange:
        status, answer = await get(exchange, "/fapi/v1/premiumIndex?symbol=%E7%89%9B%E6%9D%A5USDT")

    assert (status, answer["symbol"]) == (200, "牛来USDT")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/fapi/v1/openInterest?symbol=NONE", 400, -1121),
        ("/dapi/v1/openInterest?symbol=XAUUSDT", 400, -1121),
        ("/fapi/v1/openInterest", 400, -1102),
        ("/fapi/v1/klines?symbol=XAUUSDT&interval=7m", 400, -1120),
        ("/fapi/v1/klines?symbol=XAUUSDT&interval=1m&limit=5000", 400, -1130),
        ("/fapi/v1/klines?symbol=XAUUSDT&interval=1m&limit=x", 400, -1100),
        ("/futures/data/openInterestHist?symbol=XAUUSDT&period=1m", 400, -1120),
    ],
)
async def test_wrong_request_is_refused_as_by_binance(path: str, status: int, code: int) -> None:
    async with serving() as exchange:
        answered, answer = await get(exchange, path)

    assert (answered, answer["code"]) == (status, code)


async def test_unknown_path_is_not_found() -> None:
    async with serving() as exchange:
        assert await get(exchange, "/fapi/v9/nothing") == (404, None)


async def test_our_own_runner_lives_on_it() -> None:
    clock, sink = SystemClock(), Sink()
    exchange = SimulatedExchange(MarketSource(small_market()), ScaledClock(clock.now(), 50.0))
    await exchange.start()

    async with aiohttp.ClientSession() as session, running(exchange.ws_url, session, sink, silence_s=2.0):
        await until(lambda: sink.alive and len(sink.liquidations) >= 3)

    await exchange.stop()
    assert {mark.instrument.symbol for mark in sink.marks} == {"牛来USDT", "XAUUSDT"}
    assert dict(sink.status.rejected) == {}
    assert exchange.liquidations >= 3


async def test_recording_that_ends_is_delivered_to_the_last_frame() -> None:
    exchange = SimulatedExchange(Ticker(seconds=300), ScaledClock(START, 1_000.0))
    await exchange.start()

    async with connected(exchange, f"/market/ws/{MARKS}") as socket:
        await exchange.until_ended()
        stopping = asyncio.create_task(exchange.stop(), name="stop")
        received = [message.json() async for message in socket]
        await stopping

    assert received[-1] == {"marks": 300}


async def test_port_in_use_is_an_error() -> None:
    async with serving(Ticker(seconds=0)) as exchange:
        other = SimulatedExchange(Ticker(seconds=0), ScaledClock(START))

        with pytest.raises(OSError, match="in use"):
            await other.start(exchange.port)


class Broken(Ticker):
    def take(self) -> tuple[Frame, ...]:
        raise RuntimeError("no such second")


async def test_defect_of_the_source_comes_out_at_the_end() -> None:
    exchange = SimulatedExchange(Broken(), ScaledClock(START, 1_000.0))
    await exchange.start()
    await exchange.until_ended()

    with pytest.raises(ExceptionGroup) as raised:
        await exchange.stop()

    assert raised.group_contains(RuntimeError, match="no such second")
