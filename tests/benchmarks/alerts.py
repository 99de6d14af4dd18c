"""From a mark that crosses to the phone: until the Bot API stand-in has the POST, the alert being on disk first.

The daemon and the bare client are processes; exchange and Bot API are here, so that both ends have one clock.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from aiohttp import WSMsgType
from msgspec.structs import replace

from liqalert.clock import SystemClock
from liqalert.core.episodes import ZoneOpened
from liqalert.core.market import Instrument
from liqalert.core.rules import Rule, RuleKind, Thresholds
from liqalert.ports import Standard
from liqalert.storage.alerts import AlertStore
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.schema import migrate
from tests.benchmarks.harness import Figure, Question, Scale, without_collector
from tests.benchmarks.inputs import instruments, mark_frame
from tests.benchmarks.marks import zone
from tests.binance_server import BinanceServer, Client
from tests.daemon import OWNER, RUN, Daemon
from tests.telegram_server import TelegramServer, telegram_server

ZONE_LOW, CLOSE, FAR = 100.0, 101.2, 110.0
"""The zone ends at 100.5; the marks are 0.7 % and 8.6 % above that."""
ALONE = "alone in its frame"
FIRST_CHAT, BARE_CHAT = 10_001, 7
PAUSE_S = 0.005
"""After a message: by then its sender has read the answer."""
SETTLED_S = 0.028
"""After one of ours: by then its outcome is written, which would slow down whoever comes next. And ours stay below
Telegram's 30 messages a second, so that no pacing delays them."""
PARTS, SIZE = 9, 64
"""Nine parts of so many events of each kind; every round leaves one part out, and its p99 is its sixth slowest. Of a
single part it would be the slowest: what happens once a minute, here or on the host."""
DAEMONS = 2
"""One after the other, each with half of the events: where in memory its code and data come to lie is luck."""
WITH_DEFAULT_RULES = 2
WARM_UP = 4
NOTHING = Standard((), (), Thresholds(1.0, 0.6, 1e6))
PATIENCE_S = 20.0


def figures(scale: Scale) -> Iterator[Figure]:
    size, parts = scale.of(SIZE, 2), scale.of(PARTS, 2)
    measured: dict[str, Latencies] = {}
    for _ in range(DAEMONS):
        with TemporaryDirectory() as directory, without_collector():
            asyncio.run(_measure(Path(directory), size * parts // DAEMONS, measured))
    for kind, latencies in measured.items():
        between = "" if kind == ALONE else "msgspec decode, "
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            what = f"crossing mark to POST, {kind}, {name}"
            ours = _quantiles(latencies.ours, share, size)
            bare = _quantiles(latencies.bare, share, size)
            yield Figure(Question(what, f"aiohttp socket in, {between}aiohttp POST out", "ms", 2.5), ours, bare)
            committing = _quantiles(latencies.committing, share, size)
            yield Figure(Question(what, "aiohttp in, one commit, POST out", "ms"), ours, committing)


@dataclass(slots=True)
class Latencies:
    """In milliseconds, taken in turns."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    committing: list[float] = field(default_factory=list)
    """The bare client with one row committed between: no alert that is on disk first can be faster."""


def _quantiles(values: Sequence[float], share: float, size: int) -> tuple[float, ...]:
    """By the nearest rank, of all but one part of `size`, for each part."""
    rounds = [sorted((*values[:start], *values[start + size :])) for start in range(0, len(values), size)]
    return tuple(each[math.ceil(share * len(each)) - 1] for each in rounds)


async def _measure(directory: Path, events: int, measured: dict[str, Latencies]) -> None:
    """Adds so many of each kind. Each event has an instrument, a rule and a chat of its own, so that nothing is paced,
    muted or cooling."""
    each_kind = WARM_UP + events
    instruments_of_array = instruments()[WITH_DEFAULT_RULES:]
    watched = instruments_of_array[: 2 * each_kind]
    kinds = (ALONE, f"in an array of {len(instruments_of_array)}")
    random = Random(6)
    marks = {each.symbol: FAR for each in instruments_of_array}
    await _prepare(directory, watched)
    async with (
        BinanceServer() as binance,
        telegram_server() as telegram,
        _bare_client(binance, telegram, "bare") as bare,
        _bare_client(binance, telegram, "decoding", "--decode") as decoding,
        _bare_client(binance, telegram, "committing", "--commit", str(directory / "floor.db")) as committing,
        _daemon(directory, binance, telegram, marks, len(watched)) as ours,
    ):
        for number, instrument in enumerate(watched):
            # One after the other: a feed sends frames of one kind, and the daemon knows a frame like the one before.
            kind = kinds[number // each_kind]
            marks[instrument.symbol] = CLOSE
            # Whoever is sent an array has to decode it to know anything.
            sent, least = ({instrument.symbol: CLOSE}, bare) if kind == ALONE else (marks, decoding)
            found = measured.setdefault(kind, Latencies()) if number % each_kind >= WARM_UP else Latencies()
            # In any order: who comes second finds the way through the exchange and the kernel warm.
            for client, latencies in random.sample(
                ((ours, found.ours), (least, found.bare), (committing, found.committing)), 3
            ):
                chat = FIRST_CHAT + number if client is ours else BARE_CHAT
                latencies.append(await _latency_ms(telegram, client, sent, chat))
                await asyncio.sleep(SETTLED_S if client is ours else PAUSE_S)
    assert _alerts_recorded(directory) == len(watched)


async def _latency_ms(telegram: TelegramServer, client: Client, marks: dict[str, float], chat: int) -> float:
    """From the sending of `marks` to the arrival of the message to `chat`."""
    frame = mark_frame(marks, SystemClock().now())
    posts = len(telegram.calls_of("sendMessage"))
    began = time.monotonic()
    await client.socket.send_frame(frame, WSMsgType.TEXT)
    arrived = None
    while arrived is None:
        posts += 1
        call = (await telegram.wait_for("sendMessage", posts, timeout=PATIENCE_S))[posts - 1]
        arrived = call.at if call.chat_id == chat else None
    return (arrived - began) * 1e3


# ---------------------------------------------------------------- what is there before


async def _prepare(directory: Path, watched: Sequence[Instrument]) -> None:
    """A database as earlier runs leave it: a zone and a subscribed chat for each instrument."""
    now = SystemClock().now()
    async with Database(f"sqlite+aiosqlite:///{directory}/liqalert.db") as database:
        await migrate(database)
        await sync_defaults(database, "telegram", _chats(len(watched)), standard=NOTHING, now=now)
        directory_of_chats = ChatDirectory(database)
        opened = []
        for number, instrument in enumerate(watched):
            chat = await directory_of_chats.chat("telegram", str(FIRST_CHAT + number))
            assert chat is not None
            await directory_of_chats.subscribe(chat.id, (Rule(RuleKind.NEAR, instrument, 1.0, 0.6),), now)
            fresh = replace(zone(f"z{number}", instrument, ZONE_LOW, strength=0.9), opened_at=now, peak_at=now)
            opened.append(ZoneOpened(fresh, now))
        await AlertStore(database).record(opened)


def _chats(count: int) -> list[str]:
    """The owner first: notices about liqalert itself go to him alone."""
    return [str(OWNER), *(str(FIRST_CHAT + number) for number in range(count))]


@asynccontextmanager
async def _daemon(
    directory: Path, binance: BinanceServer, telegram: TelegramServer, marks: dict[str, float], zones: int
) -> AsyncIterator[Client]:
    """The daemon's socket, once every zone is armed."""
    settings = {
        "LIQALERT_CLUSTERS__REBUILD_SECONDS": "5",
        "LIQALERT_TELEGRAM__ALLOWED_CHATS": ",".join(_chats(zones)),
    }
    binance.prices = {**marks}
    async with Daemon(directory, binance=binance, telegram=telegram, command=RUN, **settings) as daemon:
        binance.mark_every(0.5)
        await daemon.until(
            "/api/v1/clusters",
            lambda answer: [each["state"] for each in answer["zones"]] == ["armed"] * zones,
            PATIENCE_S,
        )
        # From now on only the frames that are measured: they are enough to prove the feed alive.
        binance.mark_every(3600.0)
        # Else the daemon would ask for a day of candles of each of the 600 for its first ten minutes, 50 ms every five
        # seconds, and get them from this process.
        binance.rest_status = 503
        yield next(client for client in binance.clients if client.wrapped)


@asynccontextmanager
async def _bare_client(
    binance: BinanceServer, telegram: TelegramServer, name: str, *options: str
) -> AsyncIterator[Client]:
    post_url = f"{telegram.api_url}/bot{telegram.token}/sendMessage"
    arguments = (f"{binance.ws_url}/ws/{name}", post_url, str(BARE_CHAT), *options)
    before = tuple(binance.clients)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.benchmarks.bare_client", *arguments)
    try:
        await binance.wait_connected(len(before) + 1, timeout_s=PATIENCE_S)
        yield next(client for client in binance.clients if client not in before)
    finally:
        process.kill()
        await process.wait()


def _alerts_recorded(directory: Path) -> int:
    with closing(sqlite3.connect(directory / "liqalert.db")) as connection:
        [found] = connection.execute("SELECT count(*) FROM alerts WHERE kind = 'near'").fetchone()
    return int(found)
