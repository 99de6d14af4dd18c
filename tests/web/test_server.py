from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest

from liqalert.web.access import Access
from liqalert.web.server import WebServer, WebUnavailable
from tests.web.rig import Rig

LOOPBACK = Access("127.0.0.1")
POST = b"POST /api/v1/alerts/test HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


async def test_port_zero_takes_a_free_port_and_says_which(rig: Rig) -> None:
    server = WebServer(rig.sources(), LOOPBACK, port=0)

    await server.start()
    port = server.port
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await server.stop()

    assert port > 0


async def test_a_taken_port_is_named_with_the_remedy(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(WebUnavailable) as caught:
            await WebServer(rig.sources(), LOOPBACK, port=port).start()

    assert str(caught.value) == (
        f"web.port is {port}, and another program already listens on 127.0.0.1:{port}: "
        "stop it, or set web.port to a free port. liqalert goes on without web."
    )


async def test_an_address_of_another_machine_is_named_with_the_remedy(rig: Rig) -> None:
    server = WebServer(rig.sources(), Access("192.0.2.1", "token"), port=0)

    with pytest.raises(WebUnavailable, match=r"web\.host is 192\.0\.2\.1, which is no address of this machine"):
        await server.start()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "box.example"])
async def test_beyond_loopback_it_does_not_listen_without_a_token(host: str, rig: Rig) -> None:
    server = WebServer(rig.sources(), Access(host), port=0)

    with pytest.raises(WebUnavailable, match=r"web\.token is not set: set a token, or set web\.host to 127\.0\.0\.1\."):
        await server.start()


async def test_a_stopped_server_frees_its_port_and_can_be_stopped_twice(rig: Rig) -> None:
    server = WebServer(rig.sources(), LOOPBACK, port=0)
    await server.start()
    port = server.port

    await server.stop()
    await server.stop()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_server_that_never_started_can_be_stopped(rig: Rig) -> None:
    server = WebServer(rig.sources(), LOOPBACK, port=8787)

    await server.stop()

    assert server.port == 8787


async def test_connections_beyond_the_bound_are_closed_at_once(rig: Rig) -> None:
    server = WebServer(rig.sources(), LOOPBACK, port=0, most=2)
    await server.start()
    idle = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
    one_more, writer = await asyncio.open_connection("127.0.0.1", server.port)

    assert await asyncio.wait_for(one_more.read(), timeout=3) == b""

    writer.close()
    idle[0][1].close()
    while await _status_line(server.port) == b"":
        await asyncio.sleep(0.01)
    assert await _status_line(server.port) == b"HTTP/1.1 200 OK\r\n"
    idle[1][1].close()
    await server.stop()


async def _status_line(port: int) -> bytes:
    """Of an answer; empty where the connection is closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    with suppress(ConnectionError):
        return await asyncio.wait_for(reader.readline(), timeout=3)
    return b""


async def test_headers_that_never_end_are_not_waited_for(rig: Rig) -> None:
    server = WebServer(rig.sources(), LOOPBACK, port=0, idle_s=0.1)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    rest = await asyncio.wait_for(reader.read(), timeout=3)
    writer.close()
    await server.stop()

    assert rest == b""


async def test_who_asks_and_does_not_read_holds_no_place(rig: Rig) -> None:
    server = WebServer(rig.sources(), LOOPBACK, port=0, idle_s=0.5, most=1)
    await server.start()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.connect(("127.0.0.1", server.port))
        deaf.sendall(b"GET /static/lightweight-charts.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40)

        async with asyncio.timeout(15):
            while await _status_line(server.port) != b"":
                await asyncio.sleep(0.05)
            while await _status_line(server.port) == b"":
                await asyncio.sleep(0.05)
    await server.stop()


async def test_a_body_that_never_ends_is_not_waited_for(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liqalert.web.queries.READ_WITHIN_S", 0.05)
    server = WebServer(rig.sources(), LOOPBACK, port=0)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

    writer.write(
        b"POST /api/v1/alerts/test HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    )
    status_line = await asyncio.wait_for(reader.readline(), timeout=3)
    writer.close()
    await server.stop()

    assert status_line == b"HTTP/1.1 408 Request Timeout\r\n"
    assert rig.tested_chats == []


async def test_a_body_that_is_not_encoded_as_it_says_is_refused(rig: Rig) -> None:
    server = WebServer(rig.sources(), LOOPBACK, port=0)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

    writer.write(POST + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde")
    status_line = await asyncio.wait_for(reader.readline(), timeout=3)
    writer.close()
    await server.stop()

    assert status_line == b"HTTP/1.1 400 Bad Request\r\n"


async def test_who_leaves_in_the_middle_of_a_body_is_no_line_in_the_log(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    server = WebServer(rig.sources(), LOOPBACK, port=0)
    await server.start()
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(POST + b"Content-Length: 9\r\n\r\n{")
        await asyncio.sleep(0.05)
        writer.close()
    await asyncio.sleep(0.05)
    await server.stop()

    assert [record.name for record in caplog.records] == []
    assert rig.tested_chats == []


async def test_a_request_without_a_host_is_refused(rig: Rig) -> None:
    server = WebServer(rig.sources(), LOOPBACK, port=0)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

    writer.write(b"GET /api/v1/feeds HTTP/1.0\r\n\r\n")
    status_line = await asyncio.wait_for(reader.readline(), timeout=3)
    writer.close()
    await server.stop()

    assert status_line == b"HTTP/1.0 403 Forbidden\r\n"


async def test_bytes_that_are_no_text_in_the_host_are_refused_in_json(rig: Rig) -> None:
    server = WebServer(rig.sources(), LOOPBACK, port=0)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

    writer.write(b"GET /api/v1/feeds HTTP/1.1\r\nHost: \xff\xfe\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), timeout=3)
    writer.close()
    await server.stop()

    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert b"was asked for ??;" in answer
