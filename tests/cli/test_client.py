"""What answers on the daemon's port may be anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from liqalert.cli import client as under_test
from liqalert.cli.client import DaemonClient, NotRunning
from liqalert.cli.options import CommandFailed
from liqalert.settings import load_settings
from liqalert.web.health import Health
from tests.daemon import free_port
from tests.web.rig import Rig, serving


@asynccontextmanager
async def _answering(reply: bytes | None) -> AsyncIterator[DaemonClient]:
    """A server that sends `reply` whatever is asked; with None it never answers."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if reply is None:
            await reader.read()  # until the client has given up
        else:
            writer.write(reply)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield DaemonClient(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def test_closed_port_means_not_running() -> None:
    async with _answering(b"") as client:
        pass

    with pytest.raises(NotRunning, match=r"nothing answers on 127\.0\.0\.1:"):
        await asyncio.to_thread(client.get, "/")
    assert await asyncio.to_thread(client.running) is False


@pytest.mark.parametrize(("enabled", "said"), [("true", ""), ("false", " (web.enabled is false)")])
def test_it_says_where_the_settings_let_no_daemon_answer(enabled: str, said: str) -> None:
    settings = load_settings(None, {"LIQALERT_WEB__ENABLED": enabled, "LIQALERT_WEB__PORT": str(free_port())})
    client = DaemonClient.of(settings)

    with pytest.raises(NotRunning) as raised:
        client.get("/")

    assert str(raised.value) == f"nothing answers on {client.address}{said}"


async def test_silence_is_reported_within_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_TIMEOUT_S", 0.1)

    async with _answering(None) as client:
        with pytest.raises(CommandFailed, match="has not answered within"):
            await asyncio.to_thread(client.get, "/")
        assert await asyncio.to_thread(client.running) is True


async def test_other_program_on_the_port_is_named_as_such() -> None:
    async with _answering(b"SSH-2.0-OpenSSH\r\n\r\n") as client:
        with pytest.raises(CommandFailed, match=r"is not liqalert: look at web\.port"):
            await asyncio.to_thread(client.get, "/")


async def test_other_web_server_on_the_port_does_not_count_as_running() -> None:
    async with _answering(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno") as client:
        assert await asyncio.to_thread(client.running) is False


@pytest.mark.parametrize("on_time", [True, False])
async def test_daemon_counts_as_running_whether_it_is_well_or_not(on_time: bool) -> None:
    async with serving(Rig(health=Health(on_time=on_time))) as web:
        assert await asyncio.to_thread(DaemonClient(f"127.0.0.1:{web.port}").running) is True


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1:8787"),
        ("::1", "[::1]:8787"),
        ("0.0.0.0", "127.0.0.1:8787"),
        ("::", "[::1]:8787"),
        ("localhost", "localhost:8787"),
    ],
)
def test_daemon_is_asked_where_it_listens(host: str, address: str) -> None:
    settings = load_settings(None, {"LIQALERT_WEB__HOST": host, "LIQALERT_WEB__TOKEN": "geheim"})

    client = DaemonClient.of(settings)

    assert client.address == address
    assert "geheim" not in repr(client)
