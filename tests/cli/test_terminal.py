"""Whoever has taken the daemon's port may answer what he likes: he does not command the terminal."""

from __future__ import annotations

import asyncio
import json

import pytest

from liqalert.cli import main
from tests.daemon import free_port

CLEAR = "\x1b[2J\x1b]0;title\x07"
TIME = "2026-11-23T14:05:00Z"
CLUSTER = {
    "symbol": CLEAR,
    "liquidated": "long",
    "basis": CLEAR,
    "price_low": 1.0,
    "price_high": 2.0,
    "strength": 0.5,
    "notional_usd": 1.0,
    "count": 1,
    "newest_at": TIME,
    "calibrated": True,
}
FEEDS = (
    {"exchange": CLEAR, "alive": False, "since": TIME, "problem": f"down\r{CLEAR}\u202e"},
    {"exchange": "b", "alive": True, "since": TIME, "warning": CLEAR},
    {"exchange": CLEAR, "alive": True, "since": TIME, "mute_since": CLEAR},
)
CLUSTERS = {
    "as_of": CLEAR,
    "clusters": [CLUSTER],
    "zones": [],
    "marks": {CLEAR: {"price": 1.0, "at": CLEAR}},
    "feeds": FEEDS,
    "decay_minutes": 60.0,
}


async def said(command: list[str], answer: object, capsys: pytest.CaptureFixture[str], status: str = "200 OK") -> str:
    """What `command` prints when the answer to it is `answer`."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status}\r\nX-Liqalert-Notice: {CLEAR}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        writer.close()

    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIQALERT_WEB__PORT", str(port))
        async with await asyncio.start_server(respond, "127.0.0.1", port):
            await asyncio.to_thread(main, command)
    captured = capsys.readouterr()
    return captured.out + captured.err


@pytest.mark.usefixtures("logs_as_they_are")
@pytest.mark.parametrize(
    ("command", "answer", "status"),
    [
        (["clusters"], CLUSTERS, "200 OK"),
        (["clusters"], {"error": CLEAR}, "404 Not Found"),
        (["clusters"], {}, f"404 {CLEAR}"),
        (["pair"], {"code": CLEAR, "link": CLEAR, "expires_at": f"2026-11-23T{CLEAR}"}, "200 OK"),
        (["alert", "test"], {"id": CLEAR}, "200 OK"),
    ],
)
async def test_foreign_answer_is_printed_without_what_commands_a_terminal(
    command: list[str], answer: object, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = await said(command, answer, capsys, status)

    assert "\ufffd" in text
    assert [character for character in text if not character.isprintable() and character not in "\n\ufffd"] == []
