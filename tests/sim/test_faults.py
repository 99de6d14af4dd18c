from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from liqalert.feeds.binance import BinanceParser
from liqalert.sim.faults import GARBAGE, Fault, Faults
from liqalert.sim.frames import Frame
from tests.feeds.rig import Sink, running, until
from tests.sim.rig import MARKS, START, Ticker, connected, frames, get, numbered, serving

WAIT_S = 0.25


def _passed(faults: Faults, seconds: int) -> Sequence[Sequence[bytes]]:
    """What is sent in each of so many seconds, one frame being due in each."""
    made = ([numbered(second)[1]] for second in range(1, seconds + 1))
    return [[frame.content for frame in faults.pass_on(frame, START + at)] for at, frame in enumerate(made, 1)]


def _marks(*numbers: int) -> list[bytes]:
    return [b'{"marks":%d}' % number for number in numbers]


def _begun(fault: Fault, for_s: float = 2.0) -> Faults:
    faults = Faults()
    faults.begin(fault, now=START + 1, for_s=for_s)
    return faults


def test_without_a_fault_everything_passes() -> None:
    assert _passed(Faults(), 3) == [_marks(1), _marks(2), _marks(3)]


@pytest.mark.parametrize("fault", [Fault.STALL, Fault.SILENCE])
def test_stalled_or_silenced_frames_are_lost(fault: Fault) -> None:
    assert _passed(_begun(fault), 4) == [[], [], _marks(3), _marks(4)]


def test_delayed_frames_come_three_seconds_later() -> None:
    assert _passed(_begun(Fault.DELAY), 6) == [[], [], _marks(3), _marks(1, 4), _marks(2, 5), _marks(6)]


def test_delayed_frames_wait_until_a_stall_is_over() -> None:
    faults = _begun(Fault.DELAY, for_s=1.0)
    faults.pass_on(numbered(1), START + 1)

    faults.begin(Fault.STALL, now=START + 2, for_s=10.0)

    assert faults.due(START + 11) == ()
    assert faults.due(START + 12) == numbered(1)


def test_duplicated_frames_come_twice() -> None:
    assert _passed(_begun(Fault.DUPLICATE), 3) == [_marks(1, 1), _marks(2, 2), _marks(3)]


def test_reordered_seconds_change_places() -> None:
    assert _passed(_begun(Fault.REORDER, for_s=4), 6) == [[], _marks(2, 1), [], _marks(4, 3), _marks(5), _marks(6)]


def test_frame_held_back_for_its_successor_is_not_lost_when_the_fault_ends() -> None:
    assert _passed(_begun(Fault.REORDER, for_s=1), 3) == [[], _marks(2, 1), _marks(3)]


def test_garbage_comes_between_the_frames() -> None:
    passed = _passed(_begun(Fault.GARBAGE), 3)

    assert passed == [[GARBAGE[0], *_marks(1)], [GARBAGE[1], *_marks(2)], _marks(3)]


def test_zero_seconds_end_a_fault() -> None:
    faults = _begun(Fault.STALL, for_s=100.0)

    faults.begin(Fault.STALL, now=START + 2, for_s=0.0)

    assert _passed(faults, 2) == [[], _marks(2)]


def test_nothing_in_the_garbage_means_anything_to_our_parser() -> None:
    for content in GARBAGE:
        parsed = BinanceParser().parse(content, START)
        assert (parsed.liquidations, parsed.marks) == ((), ())
        assert parsed.rejected


def test_garbage_goes_to_everyone_as_it_is() -> None:
    frame = Frame((), b"\xff", verbatim=True)

    assert frame.payload(MARKS, wrapped=True) == b"\xff"


# ---------------------------------------------------------------- over a socket


async def test_drop_cuts_every_connection_without_a_goodbye() -> None:
    async with serving(Ticker(seconds=0)) as exchange, connected(exchange, f"/market/ws/{MARKS}") as socket:
        exchange.begin_fault(Fault.DROP)
        end = await socket.receive(timeout=2.0)

    assert end.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert socket.close_code == 1006


async def test_stalled_exchange_answers_nothing_but_stays_connected() -> None:
    async with (
        serving(Ticker()) as exchange,
        connected(exchange, f"/market/ws/{MARKS}", autoping=False) as socket,
    ):
        await frames(socket, 1)
        exchange.begin_fault(Fault.STALL, for_s=1e6)
        await socket.ping()
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        late = [message async for message in _for_a_while(socket)]

    assert [message for message in late if message.type is not aiohttp.WSMsgType.TEXT] == []
    assert [message for message in late if "result" in message.data] == []
    assert len(late) < 3


async def test_silent_exchange_still_acknowledges() -> None:
    async with serving(Ticker()) as exchange, connected(exchange, "/market/ws") as socket:
        exchange.begin_fault(Fault.SILENCE, for_s=1e6)
        await socket.send_json({"method": "SUBSCRIBE", "params": [MARKS], "id": 1})
        received = [message.json() async for message in _for_a_while(socket)]

    assert received == [{"result": None, "id": 1}]


async def test_stall_ends_by_itself() -> None:
    async with serving(Ticker()) as exchange, connected(exchange, f"/market/ws/{MARKS}") as socket:
        exchange.begin_fault(Fault.STALL, for_s=10.0)
        numbers = [frame["marks"] for frame in await frames(socket, 3)]

    assert max(after - before for before, after in pairwise([0, *numbers])) > 5


async def test_refused_country_gets_451_for_sockets_and_rest() -> None:
    async with serving() as exchange:
        exchange.begin_fault(Fault.REFUSE, for_s=1e6)
        status, answer = await get(exchange, "/fapi/v1/exchangeInfo")

        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with connected(exchange, f"/market/ws/{MARKS}"):
                pass

    assert (status, refused.value.status) == (451, 451)
    assert "restricted location" in answer["msg"]


async def test_our_runner_counts_the_garbage_and_stays_alive() -> None:
    sink = Sink()
    async with serving() as exchange, aiohttp.ClientSession() as session:
        exchange.begin_fault(Fault.GARBAGE, for_s=1e6)
        async with running(exchange.ws_url, session, sink, silence_s=2.0):
            await until(lambda: sink.alive and sink.rejected("malformed") >= 3 and sink.rejected("unknown_event") >= 1)

    assert sink.status.reconnects == 0


async def test_our_runner_comes_back_after_a_drop() -> None:
    sink = Sink()
    async with (
        serving() as exchange,
        aiohttp.ClientSession() as session,
        running(exchange.ws_url, session, sink, silence_s=2.0),
    ):
        await until(lambda: sink.alive)
        exchange.begin_fault(Fault.DROP)
        await until(lambda: bool(sink.gaps) and sink.alive)

    assert sink.status.reconnects == 1


# ---------------------------------------------------------------- by HTTP


async def _post(url: str, body: Any) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        return answer.status, await answer.json() if answer.status != 405 else None


async def test_fault_is_begun_by_http() -> None:
    async with serving(control=True) as exchange:
        asked = await _post(f"{exchange.rest_url}/control/faults", {"fault": "451", "for_s": 1e6})
        refused, _ = await get(exchange, "/fapi/v1/ping")

    assert asked == (200, {"fault": "451", "for_s": 1e6})
    assert refused == 451


async def test_unknown_fault_is_answered_with_those_there_are() -> None:
    async with serving(control=True) as exchange:
        status, answer = await _post(f"{exchange.rest_url}/control/faults", {"fault": "fire"})

    assert status == 400
    assert answer["allowed"] == ["drop", "stall", "silence", "garbage", "delay", "duplicate", "reorder", "451"]


async def test_faults_by_http_are_closed_unless_asked_for() -> None:
    async with serving() as exchange:
        status, _ = await _post(f"{exchange.rest_url}/control/faults", {"fault": "drop"})

    assert status == 405


async def _for_a_while(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[aiohttp.WSMessage]:
    """What arrives within a quarter of a second."""
    try:
        async with asyncio.timeout(WAIT_S):
            while True:
                yield await socket.receive()
    except TimeoutError:
        return
