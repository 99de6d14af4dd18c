"""How long people and machines wait for a process."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.benchmarks.harness import Figure, Question, Scale, compare
from tests.binance_server import BinanceServer
from tests.daemon import Daemon
from tests.telegram_server import telegram_server

FIVE = "import aiohttp, apscheduler.schedulers.asyncio, pydantic_settings, sqlalchemy.ext.asyncio, telegram.ext"
PATIENCE_S = 60.0


def figures(scale: Scale) -> Iterator[Figure]:
    yield compare(
        Question("liqalert --help", "python -c pass", "ms", 8.0),
        ours=lambda: process_ms("-m", "liqalert", "--help"),
        peer=lambda: process_ms("-c", "pass"),
        rounds=scale.rounds(11),
    )
    with TemporaryDirectory() as directory:
        yield compare(
            Question("liqalert run ready, database there", "importing its five main libraries", "ms", 1.5),
            # The round that warms up makes the database.
            ours=lambda: asyncio.run(ready_ms(Path(directory))),
            peer=lambda: process_ms("-c", FIVE),
            rounds=scale.rounds(5),
        )


def process_ms(*arguments: str) -> float:
    """From the start of a Python process to its end."""
    command: Sequence[str] = (sys.executable, *arguments)
    began = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)
    return (perf_counter() - began) * 1e3


async def ready_ms(directory: Path) -> float:
    """From the start of the daemon to what systemd is told: the feed is alive, and everything else runs."""
    address = directory / "notify.sock"
    address.unlink(missing_ok=True)
    async with BinanceServer() as binance, telegram_server() as telegram:
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
            systemd.setblocking(False)
            systemd.bind(str(address))
            binance.mark_every(0.02)
            daemon = Daemon(directory, binance=binance, telegram=telegram, NOTIFY_SOCKET=str(address))
            began = perf_counter()
            async with daemon:
                await _told(systemd, b"READY=1")
                cost = (perf_counter() - began) * 1e3
                await daemon.terminate()
    return cost


async def _told(systemd: socket.socket, word: bytes) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while word not in await asyncio.get_running_loop().sock_recv(systemd, 4096):
            pass
