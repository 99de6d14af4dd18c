"""The daemon as a process, configured by environment only, beside a Binance-shaped server and a Bot API stand-in."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.binance_server import BinanceServer
from tests.forked import ForkedProcess, can_fork
from tests.telegram_server import TelegramServer

OWNER = 4242
STRANGER = 6666
RUN = (sys.executable, "-m", "liqalert", "run")


def free_port() -> int:
    """One that nobody listens on, that no other test is given as long as this process lives, and that the kernel gives
    to no connection: those get theirs from 32768 on.

    A daemon whose port is taken goes on without its page, and the test would ask another test's daemon.
    """
    for port in SystemRandom().sample(range(10_000, 32_000), 100):
        with socket.socket() as probe, socket.socket(type=socket.SOCK_DGRAM) as claim, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            # The same number for UDP, which nothing here speaks, shows every process that the port is given away.
            claim.bind(("127.0.0.1", port))
            claim.detach()
            return port
    raise OSError("none of 100 ports is free")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the daemon finds its exchange, when that is not the exchange itself."""

    ws_url: str
    rest_url: str


class Daemon:
    """`async with Daemon(...) as daemon:` runs `liqalert run`; `kill` and `start` again play a crash."""

    def __init__(
        self,
        directory: Path,
        *,
        binance: BinanceServer | Addresses,
        telegram: TelegramServer,
        command: Sequence[str] | None = None,
        **extra: str,
    ) -> None:
        """`command`: in place of `python -m liqalert run`, which is forked where `can_fork`."""
        self.port = free_port()
        self.log = directory / "daemon.log"
        self._directory = directory
        self._command = command
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LIQALERT_", "PYTHONDONT"))},
            "LIQALERT_BINANCE__WS_URL": binance.ws_url,
            "LIQALERT_BINANCE__REST_URL": binance.rest_url,
            # Only what a test provokes: a burst that makes a zone is also a cascade.
            "LIQALERT_ALERTS__KINDS": "near",
            "LIQALERT_CLUSTERS__REBUILD_SECONDS": "0.2",
            "LIQALERT_DATABASE__URL": f"sqlite+aiosqlite:///{directory}/liqalert.db",
            "LIQALERT_TELEGRAM__TOKEN": telegram.token,
            "LIQALERT_TELEGRAM__API_URL": telegram.api_url,
            "LIQALERT_TELEGRAM__ALLOWED_CHATS": str(OWNER),
            "LIQALERT_WEB__PORT": str(self.port),
            **extra,
        }
        self._process: asyncio.subprocess.Process | ForkedProcess | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    @property
    def process(self) -> asyncio.subprocess.Process | ForkedProcess:
        assert self._process is not None
        return self._process

    async def start(self, **extra: str) -> None:
        environ = {**self._environ, **extra}
        if self._command is None and can_fork(environ):
            self._process = await ForkedProcess.start(["run"], cwd=self._directory, environ=environ, log=self.log)
            return
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(self._command or RUN), cwd=self._directory, env=environ, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def terminate(self, timeout: float = 20.0) -> int:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(timeout):
            return await self.process.wait()

    async def get(self, path: str) -> Any:
        token = self._environ.get("LIQALERT_WEB__TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{self.port}{path}"
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
            return await answer.json()

    async def until(self, path: str, holds: Callable[[Mapping[str, Any]], object], timeout: float = 60.0) -> Any:
        """The JSON at `path` as soon as it satisfies `holds`; the log is in the error otherwise."""
        answer: Any = None
        try:
            async with asyncio.timeout(timeout):
                while True:
                    try:
                        answer = await self.get(path)
                        if holds(answer):
                            return answer
                    except aiohttp.ClientError:
                        assert self.process.returncode is None, self.log.read_text()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{path} never satisfied; last {answer}\n{self.log.read_text()}") from None

    async def until_zone(self, state: str) -> Mapping[str, Any]:
        """The only zone, as soon as its most advanced episode is `state`."""
        found = await self.until("/api/v1/clusters", lambda answer: [z["state"] for z in answer["zones"]] == [state])
        zone: Mapping[str, Any] = found["zones"][0]
        return zone

    async def until_kept(self, liquidations: int, timeout: float = 60.0) -> None:
        """As soon as so many are in the journal, where that is SQLite's file beside the log."""
        file = self._directory / "liqalert.db"
        async with asyncio.timeout(timeout):
            while file.exists() and _count(file) < liquidations:
                await asyncio.sleep(0.05)


def _count(file: Path) -> int:
    with closing(sqlite3.connect(file)) as database:
        [(count,)] = database.execute("SELECT count(*) FROM liquidations")
        return int(count)
