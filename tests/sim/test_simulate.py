"""`liqalert simulate` as a process."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest

from liqalert.cli import main
from tests.binance_messages import force_order
from tests.sim.rig import LIQUIDATIONS, MARKS


@asynccontextmanager
async def simulating(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The process, once it has said where it is, and what it has said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "liqalert", "simulate", "--port", "0", *options), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(15):
            said = await process.stdout.readuntil(b"Ctrl-C ends it\n")
        yield process, said.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _value(said: str, name: str) -> str:
    return next(line.partition("=")[2] for line in said.splitlines() if line.strip().startswith(f"export {name}="))


async def test_addresses_that_it_prints_work_and_ctrl_c_ends_it() -> None:
    async with simulating() as (process, said), aiohttp.ClientSession() as session:
        url = f"{_value(said, 'LIQALERT_BINANCE__WS_URL')}/ws/{MARKS}"
        async with session.ws_connect(url) as socket:
            table = await socket.receive_json(timeout=5.0)
        async with session.get(f"{_value(said, 'LIQALERT_BINANCE__REST_URL')}/fapi/v1/exchangeInfo") as answer:
            listed = await answer.json()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(5):
            ended = await process.wait()

    assert table[0]["e"] == "markPriceUpdate"
    assert [row["symbol"] for row in listed["symbols"]][:2] == ["BTCUSDT", "ETHUSDT"]
    assert ended == 0
    assert "SIMULATED" in said
    assert "needs one that does the same" not in said


async def test_recording_is_served_at_the_asked_speed(tmp_path: Path) -> None:
    path = tmp_path / "bare.jsonl"
    messages = [
        force_order("BTCUSDT", "SELL", price="1", quantity="1", at_ms=1_790_000_000_000 + at) for at in (0, 30_000)
    ]
    path.write_bytes(b"\n".join(msgspec.json.encode(message) for message in messages))

    async with simulating("--speed", "20", "--recording", str(path)) as (process, said):
        url = f"{_value(said, 'LIQALERT_BINANCE__WS_URL')}/ws/{LIQUIDATIONS}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            last = await socket.receive_json(timeout=8.0)
            end = await socket.receive(timeout=5.0)
        async with asyncio.timeout(5):
            ended = await process.wait()

    assert last["o"]["s"] == "BTCUSDT"
    assert end.type is aiohttp.WSMsgType.CLOSE
    assert ended == 0
    assert "needs one that does the same" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--speed", "0"], "is no speed"),
        (["--port", "99999"], "is no port"),
        (["--recording", "/nowhere/at/all"], "does not exist"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *arguments]) == 2

    assert sentence in capsys.readouterr().err
