"""One case's world: an exchange, a line to it, a phone, the daemon as a process, and someone who looks at it."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.binance_server import Client
from tests.daemon import OWNER, Addresses, Daemon
from tests.faults.exchange import MARKS_EVERY_S, STORY_SYMBOLS, FaultyExchange
from tests.faults.eyes import Eyes, Sign, whole
from tests.faults.ledger import EDGE_S, Kept, length_s, missing, read_kept, unexplained
from tests.faults.measures import Fact, Measured
from tests.faults.phone import Phone
from tests.faults.proxy import Proxy
from tests.faults.stories import Stories

ROOT = Path(__file__).parents[2]
SETTLED_S = 45.0
"""How long what is owed is waited for in the end: longer than the longest pause between attempts."""
STOP_S = 60.0
STARTED_S = 120.0
NEVER_S = 1e9


@dataclass(frozen=True, slots=True)
class Signs:
    """By what a fault is seen to be noticed, by which words it is told in the chat, and by what it is over."""

    noticed: Sign | None = None
    told: str | None = None
    well: Sign = whole
    """By what it is seen that all is as before."""


class Rig:
    """`async with Rig(...) as rig:`, then `start`, `fault_began`, `fault_ended` and `measured`."""

    def __init__(self, directory: Path, signs: Signs, starting: asyncio.Semaphore) -> None:
        """`starting`: how many daemons may start at once; a start costs seconds of a processor."""
        self.directory = directory
        self.database = directory / "liqalert.db"
        self.exchange = FaultyExchange()
        self.phone = Phone()
        self.proxy = Proxy(lambda: self.exchange.port)
        self.ws_url: str | None = None
        """None: through the proxy, without TLS."""
        self.stories = Stories(self.exchange, lambda: self.daemon)
        self.chat = OWNER
        """Who is owed the alerts."""
        self.stretch = 1.0
        """How many seconds of the daemon's clock pass in one of the machine's; measured times are the daemon's."""
        self.stories_at_most = 4
        self.facts: list[Fact] = []
        self.stack = AsyncExitStack()
        """What a case has to undo in the end."""
        self._signs = signs
        self._starting = starting
        self._new_database = False
        self._began: float | None = None
        self._ended: float | None = None
        self._daemon: Daemon | None = None
        self._eyes: Eyes | None = None
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.stack.__aenter__()
        await self.exchange.start()
        self.stack.push_async_callback(self.exchange.stop)
        await self.phone.start()
        self.stack.push_async_callback(self.phone.stop)
        await self.proxy.start()
        self.stack.push_async_callback(self.proxy.stop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stack.__aexit__(kind, exc, trace)

    # ------------------------------------------------------------ what a case does

    async def start(self, *, connections: int = 2, command: Sequence[str] | None = None, **environ: str) -> None:
        """The daemon starts, everything works, and the exchange begins to send liquidations."""
        async with self._starting:
            await self.launch(connections=connections, command=command, **environ)
            await self.eyes.until(whole, STARTED_S)
        self.exchange.produce()

    async def launch(self, *, connections: int = 2, command: Sequence[str] | None = None, **environ: str) -> None:
        """Starts the daemon and waits for nothing; the exchange sends marks."""
        self.exchange.mark_every(MARKS_EVERY_S)
        ws_url = self.ws_url or f"ws://127.0.0.1:{self.proxy.port}/market"
        self._daemon = Daemon(
            self.directory,
            binance=Addresses(ws_url=ws_url, rest_url=self.exchange.rest_url),
            telegram=self.phone,
            command=command,
            LIQALERT_BINANCE__CONNECTIONS=str(connections),
            LIQALERT_BINANCE__SYMBOLS=",".join(STORY_SYMBOLS[: self.stories_at_most]),
            LIQALERT_DATABASE__URL=f"sqlite+aiosqlite:///{self.database}",
            PYTHONPATH=str(ROOT),
            **environ,
        )
        await self._daemon.start()
        self.stack.push_async_callback(self._daemon.kill)
        self._eyes = Eyes(self._daemon.port)
        self._looking = asyncio.create_task(self._eyes.run(), name="eyes")
        self.stack.callback(self._looking.cancel)

    async def create_database(self) -> None:
        """With its tables, and nothing in them."""
        url = f"sqlite+aiosqlite:///{self.database}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "liqalert", "db", "upgrade"), env={**os.environ, "LIQALERT_DATABASE__URL": url}
        )
        assert await asyncio.wait_for(process.wait(), STARTED_S) == 0

    @property
    def daemon(self) -> Daemon:
        assert self._daemon is not None
        return self._daemon

    @property
    def eyes(self) -> Eyes:
        assert self._eyes is not None
        return self._eyes

    def begin_new_database(self) -> None:
        """What was sent so far stands in another database, and before this one watches nothing is expected of it."""
        self.exchange.sent.clear()
        self._new_database = True

    def fault_began(self) -> None:
        self._began = self._ended = time.monotonic()

    def fault_ended(self) -> None:
        self._ended = time.monotonic()

    async def until_noticed(self, timeout_s: float = 30.0) -> None:
        """Waits; that it was never noticed shows in what is measured."""
        began, sign = self._began, self._signs.noticed
        assert began is not None
        assert sign is not None
        await self.until(lambda: self.eyes.first(sign, began) is not None, timeout_s)

    async def until_told(self, timeout_s: float = 40.0) -> None:
        began, words = self._began, self._signs.told
        assert began is not None
        assert words is not None
        await self.until(lambda: self.phone.first(self.chat, words, began) is not None, timeout_s)

    async def until_recovered(self, timeout_s: float = 60.0) -> None:
        await self.until(lambda: self._recovered_at() is not None, timeout_s)

    async def until_alerted(self, symbol: str, timeout_s: float = 20.0) -> None:
        await self.until(lambda: self.phone.tellings(self.chat, symbol) > 0, timeout_s)

    def times_told(self) -> int:
        """In how many messages the chat was told."""
        words = self._signs.told
        assert words is not None
        return sum(bool(re.search(words, text)) for text in self.phone.texts(self.chat))

    def end_connections_after(self, seconds: float) -> list[Client]:
        """The exchange says goodbye to whoever has been connected for so long; those it did so to."""
        ended: list[Client] = []

        async def end() -> None:
            since: dict[Client, float] = {}
            while True:
                now = time.monotonic()
                since = {client: since.get(client, now) for client in self.exchange.clients}
                for client in [client for client, at in since.items() if now - at > seconds]:
                    ended.append(client)
                    await client.socket.close(code=1001)
                await asyncio.sleep(0.1)

        ending = asyncio.create_task(end(), name="daily end of connections")
        self.stack.callback(ending.cancel)
        return ended

    def seconds_until_alert(self, *, since_end: bool = False) -> float:
        """From the beginning (or the end) of the fault to the last alert owed; NEVER_S while one is missing."""
        came = [self.phone.alerted_at(self.chat, symbol) for symbol in self.stories.owed]
        since = self._ended if since_end else self._began
        if since is None or None in came:
            return NEVER_S
        return max(at for at in came if at is not None) - since

    def fact(self, what: str, value: float, *, least: float = 0.0, most: float | None = None) -> None:
        self.facts.append(Fact(what, value, least, most))

    # ------------------------------------------------------------ what came of it

    async def measured(self) -> Measured:
        """Waits for what is owed, stops the daemon, and compares."""
        await self.until(lambda: not self._untold(), SETTLED_S)
        self.exchange.rest()
        # What has been sent is to arrive, and what was told to be written down.
        await asyncio.sleep(1.5)
        if self._looking is not None:
            # What follows is no fault.
            self._looking.cancel()
        if self.daemon.process.returncode is None:
            code = await self.daemon.terminate(STOP_S)
            self.fact("exit code", code, most=0)
        return self.judged(read_kept(self.database))

    def judged(self, kept: Kept) -> Measured:
        lost = missing(self.exchange.sent, kept.liquidations)
        unwatched = ((0.0, kept.watching_since or 0.0),) if self._new_database else ()
        tellings = [self.phone.tellings(self.chat, symbol) for symbol in self.stories.owed]
        recovered_at = self._recovered_at()
        return Measured(
            events_sent=len(self.exchange.sent),
            events_lost=len(lost),
            events_unexplained=len(unexplained(lost, (*kept.gaps, *unwatched), EDGE_S * self.stretch)),
            gap_s=length_s(kept.gaps),
            blind_s=self._since(self._began, recovered_at) or 0.0,
            alerts_owed=len(tellings),
            alerts_lost=tellings.count(0),
            alerts_repeated=sum(max(0, count - 1) for count in tellings),
            noticed_s=self._since(self._began, self._noticed_at()),
            told_s=self._since(self._began, self._told_at()),
            recovered_s=self._since(self._ended, recovered_at),
            facts=tuple(self.facts),
        )

    def _untold(self) -> bool:
        return any(self.phone.tellings(self.chat, symbol) == 0 for symbol in self.stories.owed)

    def _noticed_at(self) -> float | None:
        if self._signs.noticed is None or self._began is None:
            return None
        return self.eyes.first(self._signs.noticed, self._began)

    def _told_at(self) -> float | None:
        if self._signs.told is None or self._began is None:
            return None
        return self.phone.first(self.chat, self._signs.told, self._began)

    def _recovered_at(self) -> float | None:
        """Since when everything has been well: what was seen last is well, and this is the first of it."""
        if self._ended is None:
            return None
        well_since = None
        for seen in self.eyes.seen:
            if seen.at >= self._ended:
                well_since = (well_since or seen.at) if self._signs.well(seen) else None
        return well_since

    def _since(self, start: float | None, end: float | None) -> float | None:
        return None if start is None or end is None else (end - start) * self.stretch

    @staticmethod
    async def until(holds: Callable[[], bool], timeout_s: float) -> None:
        """Returns at the latest after `timeout_s`: whether it came to hold is measured, not required."""
        began = time.monotonic()
        while not holds() and time.monotonic() < began + timeout_s:
            await asyncio.sleep(0.05)
