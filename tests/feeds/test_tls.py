"""A feed over TLS: whoever cannot prove to be the exchange is not listened to, and it is said why."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from tests.binance_server import BinanceServer
from tests.certificates import Authority
from tests.feeds.rig import Sink, running, until


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def _first_problem(server: BinanceServer, connector: aiohttp.TCPConnector) -> str | None:
    """What is said after the first attempt; nothing may have been taken in by then."""
    sink = Sink()
    async with aiohttp.ClientSession(connector=connector) as session, running(server.ws_url, session, sink):
        await until(lambda: bool(sink.statuses))
    assert sink.frames == []
    return sink.status.problem


async def test_exchange_that_proves_who_it_is_is_listened_to(authority: Authority) -> None:
    sink = Sink()
    connector = aiohttp.TCPConnector(ssl=authority.trusted())
    async with BinanceServer(authority.server()) as server, aiohttp.ClientSession(connector=connector) as session:
        server.mark_every(0.05)
        async with running(server.ws_url, session, sink, connect_s=5.0):
            await until(lambda: sink.alive)

    assert sink.marks


@pytest.mark.parametrize(
    ("names", "days", "said"),
    [
        (
            "IP:127.0.0.1",
            -1,
            "the certificate of 127.0.0.1 has expired: check this machine's clock and the address.",
        ),
        (
            "DNS:fstream.binance.com",
            1,
            "the certificate at 127.0.0.1 belongs to another name: "
            "check the address, and whether this network puts itself in between.",
        ),
    ],
)
async def test_wrong_certificate_of_a_trusted_authority_is_refused(
    authority: Authority, names: str, days: int, said: str
) -> None:
    async with BinanceServer(authority.server(names, days=days)) as server:
        server.mark_every(0.05)

        problem = await _first_problem(server, aiohttp.TCPConnector(ssl=authority.trusted()))

    assert problem == said


async def test_certificate_of_an_unknown_authority_is_refused(authority: Authority) -> None:
    async with BinanceServer(authority.server()) as server:
        server.mark_every(0.05)

        problem = await _first_problem(server, aiohttp.TCPConnector())

    assert problem is not None
    assert problem.startswith("the certificate of 127.0.0.1 is signed by nobody this machine trusts: ")
    assert problem.endswith("an authority of your own is named by SSL_CERT_FILE.")
