"""The runner against what goes wrong: refusals, silence, garbage, defects. It is never given up."""

from __future__ import annotations

import asyncio
import logging
import socket
from random import Random

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from liqalert.core.market import Instrument, Liquidation, UnixTime
from liqalert.feeds.backoff import Backoff
from liqalert.ports import ParsedFrame
from tests.binance_server import BinanceServer
from tests.feeds.rig import Sink, running, until

BTC = Instrument("binance", "BTCUSDT")


@pytest.mark.parametrize(("status", "words"), [(451, "country"), (403, "firewall")])
async def test_refusal_is_told_with_its_remedy_and_tried_again_later(
    server: BinanceServer, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, status: int, words: str
) -> None:
    sink = Sink()
    server.refusal = status
    async with running(server.ws_url, session, sink) as runner:
        await until(lambda: bool(sink.statuses))
        assert sink.status.problem is not None
        assert words in sink.status.problem
        assert f"HTTP {status}" in sink.status.problem
        assert runner.progress_due_at - runner.progress_at >= 0.2

        await asyncio.sleep(0.15)
        assert server.attempts == 1

        await until(lambda: server.attempts == 3)
        server.refusal = None
        server.mark_every(0.05)
        await until(lambda: sink.alive)

    assert [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.WARNING] == ["feed not alive"]


async def test_after_a_recovery_a_refusal_is_the_first_again(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    """Else who is refused now and then would try once an hour: after 0.5, 1 and here 0.5 s again, not 2."""
    sink = Sink()
    server.refusal = 451
    growing = Backoff(first_s=0.01, cap_s=0.01, refused_first_s=0.5, refused_cap_s=60.0)
    async with running(server.ws_url, session, sink, backoff=growing):
        await until(lambda: server.attempts == 2)
        server.refusal = None
        server.mark_every(0.05)
        await until(lambda: sink.alive)
        server.refusal, attempts = 451, server.attempts
        await server.drop()
        await until(lambda: server.attempts == attempts + 1)
        refused_at = asyncio.get_running_loop().time()
        await until(lambda: server.attempts == attempts + 2)

    assert asyncio.get_running_loop().time() - refused_at < 1.5


async def test_other_refusal_backs_off_as_told(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    sink = Sink()
    server.refusal, server.refusal_headers = 429, {"Retry-After": "30"}
    async with running(server.ws_url, session, sink) as runner:
        await until(lambda: bool(sink.statuses))

        assert sink.status.problem == "Binance answered HTTP 429: liqalert keeps trying."
        assert runner.progress_due_at - runner.progress_at >= 30


async def test_server_that_is_not_there_is_tried_until_it_is(session: aiohttp.ClientSession) -> None:
    sink = Sink()
    server = BinanceServer()
    await server.start()
    port, url = server.port, server.ws_url
    await server.stop()

    async with running(url, session, sink):
        await until(lambda: bool(sink.statuses) and sink.status.problem is not None)
        assert "cannot be reached" in str(sink.status.problem)
        await server.start(port)
        server.mark_every(0.05)
        await until(lambda: sink.alive)
    await server.stop()

    assert sink.gaps[0].cause == sink.statuses[0].gaps[0].cause


async def test_server_that_accepts_and_says_nothing_is_given_up(session: aiohttp.ClientSession) -> None:
    sink = Sink()
    silence = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silence.wait()
        writer.close()

    tcp = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = tcp.sockets[0].getsockname()[1]
    async with running(f"ws://127.0.0.1:{port}/market", session, sink, connect_s=0.1):
        await until(lambda: bool(sink.statuses) and sink.status.problem is not None)
    silence.set()
    tcp.close()

    assert sink.status.problem == "Binance did not answer within 0.1 s: liqalert keeps trying."


async def test_garbage_is_counted_logged_once_a_kind_and_changes_nothing_else(
    server: BinanceServer, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink):
        server.mark_every(0.05)
        await until(lambda: sink.alive)
        for frame in (b"\xff\xfe", b"not json", b'{"e":"news"}', b'{"e":"news"}', b""):
            await server.send_raw(frame)
        await until(lambda: sink.rejected("malformed") == 3)
        await until(lambda: sink.rejected("unknown_event") == 2)

    assert sink.alive
    assert server.connections == 1
    assert [entry.kind for entry in caplog.records if entry.getMessage().startswith("refused")] == [  # type: ignore[attr-defined]
        "malformed",
        "unknown_event",
    ]


async def test_frame_that_is_too_large_is_counted_and_the_feed_comes_back(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    async with running(server.ws_url, session, sink):
        server.mark_every(0.05)
        await until(lambda: sink.alive)
        await server.send_raw(b" " * 10_000_001)
        await until(lambda: sink.rejected("too_large") == 1)
        await until(lambda: sink.alive and sink.status.reconnects == 1)

    assert len(sink.gaps) == 1


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("defect", [RuntimeError("a defect"), OSError("a defect"), TimeoutError("a defect")])
async def test_defect_behind_the_runner_is_logged_counted_and_survived(
    server: BinanceServer,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    defect: Exception,
    connections: int,
) -> None:
    sink = Sink()
    server.mark_every(0.05)
    async with running(server.ws_url, session, sink, connections=connections):
        await until(lambda: sink.alive)
        sink.defects.append(defect)
        await until(lambda: sink.rejected("internal_error") == 1)
        await until(lambda: sink.alive)

    assert "a defect" in caplog.text
    assert sink.gaps[0].cause == f"an error in liqalert itself ({type(defect).__name__})"


async def test_defect_in_taking_the_status_is_survived(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    sink = Sink()
    server.mark_every(0.05)
    async with running(server.ws_url, session, sink):
        await until(lambda: sink.alive)
        sink.status_defects += [RuntimeError("a defect"), RuntimeError("another")]
        await until(lambda: sink.rejected("internal_error") == 2)
        await until(lambda: sink.alive)


async def test_defect_in_the_moment_of_cancellation_does_not_keep_the_runner_alive(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    server.mark_every(0.02)
    async with running(server.ws_url, session, sink, report_s=0.001):
        await until(lambda: sink.alive)
        sink.status_defects += [RuntimeError("a defect")] * 3


class DefectiveParser:
    """Fails on everything, always."""

    def parse(self, frame: bytes, received_time: UnixTime) -> ParsedFrame:
        raise ZeroDivisionError

    def lone_liquidation(self, frame: bytes, received_time: UnixTime) -> Liquidation | None:
        return None

    def can_be_spared(self, frame: bytes) -> bool:
        return False


async def test_defect_that_persists_does_not_make_the_runner_spin(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink = Sink()
    server.mark_every(0.01)
    async with running(server.ws_url, session, sink, parser=DefectiveParser(), report_s=0.02):
        await asyncio.sleep(0.5)

    assert 2 <= server.connections < 60
    assert sink.status.problem == "an error in liqalert itself (ZeroDivisionError): please report it with the log."


class LongestWait(Random):
    """Waits next to nothing, and remembers the longest that it might have been."""

    def __init__(self) -> None:
        super().__init__(1)
        self.bounds: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.bounds.append(b)
        return 0.01


async def test_waits_grow_until_a_connection_has_been_alive_for_a_while(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    sink, random = Sink(), LongestWait()
    server.refusal = 502
    server.mark_every(0.02)
    async with running(server.ws_url, session, sink, random=random, settled_s=1.0):
        await until(lambda: len(random.bounds) == 3)
        server.refusal = None
        await until(lambda: sink.alive)
        await server.drop()
        await until(lambda: len(random.bounds) == 4)
        await until(lambda: sink.alive)
        await asyncio.sleep(1.1)
        await server.drop()
        await until(lambda: len(random.bounds) == 5)

    assert random.bounds == [0.01, 0.02, 0.04, 0.05, 0.01]


class NoNames(AbstractResolver):
    """A resolver that resolves nothing."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise OSError("no such name")

    async def close(self) -> None: ...


async def test_name_that_cannot_be_resolved_is_named() -> None:
    sink = Sink()
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=NoNames())) as session,
        running("wss://fstream.binance.com/market", session, sink),
    ):
        await until(lambda: bool(sink.statuses))

    assert sink.status.problem == (
        "the name fstream.binance.com could not be resolved: check this machine's network and DNS."
    )


async def test_failing_tls_is_named(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    sink = Sink()
    async with running(server.ws_url.replace("ws:", "wss:"), session, sink, connect_s=10.0):
        await until(lambda: bool(sink.statuses) and sink.status.problem is not None)

    assert sink.status.problem == "no trusted TLS connection to 127.0.0.1: check this machine's clock and certificates."
