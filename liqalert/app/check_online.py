"""What `liqalert check --online` asks others: the exchange, its clock, and Telegram."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import msgspec

from liqalert.app.check import Finding, check_database, fine, problem
from liqalert.app.check_symbols import check_symbols
from liqalert.clock import Clock
from liqalert.core.exchanges import BINANCE
from liqalert.feeds.binance import BinanceParser, stream_url
from liqalert.feeds.binance_wire import UNREADABLE
from liqalert.feeds.outages import TRANSPORT_ERRORS, FeedLost, closed, explain
from liqalert.settings import Settings
from liqalert.storage.engines import parse_url, sqlite_path


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long each answer is waited for, in seconds."""

    resolve_s: float = 5.0
    connect_s: float = 10.0
    frame_s: float = 10.0
    rest_s: float = 10.0
    telegram_s: float = 10.0


class _User(msgspec.Struct):
    username: str = "?"


class _BotAnswer(msgspec.Struct):
    ok: bool
    result: _User | None = None
    description: str = ""


async def check_online(settings: Settings, clock: Clock, waiting: Waiting | None = None) -> AsyncIterator[Finding]:
    """Findings as they are made, each within the time that `waiting` gives it."""
    waiting = waiting or Waiting()
    if sqlite_path(parse_url(settings.database.url)) is None:
        async for finding in check_database(settings):
            yield finding
    if settings.binance.enabled:
        async with aiohttp.ClientSession() as session:
            for key in ("ws_url", "rest_url", "coin_rest_url"):
                yield await _resolved(f"binance.{key}", getattr(settings.binance, key), waiting)
            async for finding in check_symbols(settings, session, clock.now(), waiting.rest_s):
                yield finding
            async for finding in _market(settings, session, clock, waiting):
                yield finding
    if settings.telegram.token:
        # As the bot: through the proxy that the environment names. Binance is asked without, as the daemon asks it.
        async with aiohttp.ClientSession(trust_env=True) as session:
            yield await _bot(settings, session, waiting)


async def _resolved(subject: str, url: str, waiting: Waiting) -> Finding:
    host = urlsplit(url).hostname or ""
    try:
        async with asyncio.timeout(waiting.resolve_s):
            await asyncio.get_running_loop().getaddrinfo(host, None)
    except (OSError, TimeoutError, UnicodeError):
        return problem(subject, f"the name {host} cannot be resolved: check this machine's network and DNS")
    return fine(subject, f"{host} resolves")


async def _market(
    settings: Settings, session: aiohttp.ClientSession, clock: Clock, waiting: Waiting
) -> AsyncIterator[Finding]:
    """Connects as the daemon does and waits for the first marks, whose send time also tells about our clock."""
    subject = "binance.ws_url"
    try:
        async with asyncio.timeout(waiting.connect_s):
            socket = await session.ws_connect(
                stream_url(settings.binance.ws_url), max_msg_size=0, timeout=aiohttp.ClientWSTimeout(ws_close=1.0)
            )
        yield fine(subject, "connects" + (" with trusted TLS" if settings.binance.ws_url.startswith("wss:") else ""))
        try:
            async with asyncio.timeout(waiting.frame_s):
                sent_at, received_at = await _first_marks(socket, clock)
        except TimeoutError:
            yield problem(subject, f"no mark price within {waiting.frame_s:g} s: check the address")
            return
        finally:
            await socket.close()
    except (FeedLost, *TRANSPORT_ERRORS) as exc:
        outage = explain(exc, BINANCE, connect_s=waiting.connect_s)
        yield problem(subject, outage.sentence.rstrip("."))
        return
    yield fine(subject, "mark prices arrive")
    yield _clock(received_at - sent_at)


async def _first_marks(socket: aiohttp.ClientWebSocketResponse, clock: Clock) -> tuple[float, float]:
    """When the first marks were sent, by the exchange's clock, and received, by ours. The caller sets the timeout."""
    parser = BinanceParser()
    while True:
        message = await socket.receive()
        if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            raise FeedLost(closed(BINANCE, socket.close_code))
        payload = message.data if isinstance(message.data, bytes) else message.data.encode()
        now = clock.now()
        parsed = parser.parse(payload, now)
        if parsed.marks and parsed.sent_at is not None:
            return parsed.sent_at, now


def _clock(latency_s: float) -> Finding:
    if latency_s < -2.0:
        return problem("clock", f"this machine is {-latency_s:.1f} s slow, by Binance's clock: synchronise it")
    if latency_s > 10.0:
        return problem("clock", f"this machine is {latency_s:.1f} s fast, or the line is as slow: check both")
    return fine("clock", f"agrees with Binance's (frames arrive after {latency_s:.1f} s)")


async def _bot(settings: Settings, session: aiohttp.ClientSession, waiting: Waiting) -> Finding:
    """Asks Telegram whose token it is. No text here may hold the address: the token is part of it."""
    assert settings.telegram.token is not None
    url = f"{settings.telegram.api_url}/bot{settings.telegram.token.get_secret_value()}/getMe"
    try:
        async with asyncio.timeout(waiting.telegram_s), session.get(url) as response:
            status, body = response.status, await response.read()
    except TRANSPORT_ERRORS as exc:
        return problem("telegram.api_url", f"cannot be reached ({type(exc).__name__}): check network and address")
    if status in (401, 404):
        return problem("telegram.token", "Telegram does not know this token: copy it again from @BotFather")
    try:
        answer = msgspec.json.decode(body, type=_BotAnswer)
    except UNREADABLE:
        return problem("telegram.api_url", f"answers HTTP {status} but not like the Bot API: check the address")
    if answer.ok and answer.result:
        return fine("telegram.token", f"belongs to @{answer.result.username}")
    return problem("telegram.token", f"Telegram answers HTTP {status} {answer.description}: try again later")
