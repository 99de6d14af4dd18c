"""What makes alerts bearable, on the daemon as a process: kinds, quiet hours, roles, the daily cap, chats that go."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from liqalert.clock import SystemClock
from tests.binance_server import BinanceServer
from tests.daemon import OWNER, Daemon
from tests.telegram_server import TelegramServer
from tests.test_end_to_end import CLOSE, armed_zone

SECOND, GROUP, TOPIC = 5151, -1001234, 45
SECRET = "a secret of the webhook"


@asynccontextmanager
async def watching(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer, **extra: str
) -> AsyncIterator[Daemon]:
    async with Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
        await daemon.until("/readyz", lambda answer: answer["ready"])
        yield daemon


async def asked(
    telegram: TelegramServer, chat: int, words: str, *, user: int | None = None, topic: int | None = None
) -> str:
    """What the bot answers."""
    before = len(telegram.texts(chat))
    await telegram.push_text(chat, words, user_id=user, thread_id=topic)
    return (await telegram.wait_for_texts(chat, before + 1))[-1]


async def code(daemon: Daemon, role: str) -> str:
    address = f"http://127.0.0.1:{daemon.port}/api/v1/pair"
    async with aiohttp.ClientSession() as session, session.post(address, json={"role": role}) as answer:
        found: str = (await answer.json())["code"]
        return found


@asynccontextmanager
async def hook() -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A webhook's address, and what it is sent."""
    received: list[tuple[dict[str, str], bytes]] = []

    async def take(request: web.Request) -> web.Response:
        received.append((dict(request.headers), await request.read()))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", received
    finally:
        await runner.cleanup()


async def test_each_kind_is_told_by_its_own_rule_and_to_a_webhook_too(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    kinds = {"LIQALERT_ALERTS__KINDS": "formed,near,grown,large", "LIQALERT_ALERTS__LARGE_USD": "5000000"}
    async with hook() as (address, received):
        extra = {**kinds, "LIQALERT_WEBHOOK__URL": address, "LIQALERT_WEBHOOK__SECRET": SECRET}
        async with watching(tmp_path, binance, telegram, **extra) as daemon:
            await armed_zone(daemon, binance)
            binance.prices["BTCUSDT"] = CLOSE
            await daemon.until_zone("near")
            await binance.liquidate("BTCUSDT", "SELL", price=60_005, quantity=400)
            texts = await telegram.wait_for_texts(OWNER, 4)
            async with asyncio.timeout(60):
                while len(received) < 4:
                    await asyncio.sleep(0.05)

    heads = sorted(text.splitlines()[0] for text in texts)
    assert heads == [
        "BTCUSDT: 0.5 % from a cluster of liquidated longs",
        "BTCUSDT: a cluster of liquidated longs has formed",
        "BTCUSDT: a long of 24.0M USD liquidated",
        "BTCUSDT: the cluster of liquidated longs has grown past 0.9",
    ]
    bodies = [msgspec.json.decode(body) for _, body in received if b'"event":"alert"' in body]
    assert {body["alerts"][0]["kind"] for body in bodies} == {"formed", "near", "grown", "large"}
    assert len({headers["Idempotency-Key"] for headers, _ in received}) == len(received)
    for headers, body in received:
        signed = headers["X-Liqalert-Timestamp"].encode() + b"." + body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["X-Liqalert-Signature"] == f"sha256={expected}"


async def test_what_comes_in_quiet_hours_waits_for_one_silent_list(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    now = datetime.fromtimestamp(SystemClock().now(), UTC)
    begin, end = now - timedelta(hours=1), now + timedelta(hours=2)
    async with watching(tmp_path, binance, telegram) as daemon:
        assert "Quiet hours" in await asked(telegram, OWNER, f"/quiet {begin:%H:%M}-{end:%H:%M} Etc/UTC")
        await armed_zone(daemon, binance)
        binance.prices["BTCUSDT"] = CLOSE
        await daemon.until("/api/v1/alerts", lambda answer: answer["alerts"] and answer["alerts"][0]["deliveries"])
        assert "held until quiet hours end" in await asked(telegram, OWNER, "/alerts")
        await daemon.kill()
        with closing(sqlite3.connect(tmp_path / "liqalert.db")) as database, database:
            # The night is over.
            database.execute("UPDATE deliveries SET due_at = 1 WHERE status = 'held'")
        await daemon.start()
        texts = await telegram.wait_for_texts(OWNER, 3)

    assert texts[2].startswith("While it was quiet here: 1 alert")
    assert telegram.calls_of("sendMessage")[-1].params["disable_notification"] == "true"


async def test_readers_ask_and_change_nothing_and_a_topic_is_told_where_it_is(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    async with watching(tmp_path, binance, telegram) as daemon:
        reader = await code(daemon, "reader")
        assert "enrolled as reader" in await asked(telegram, SECOND, f"/start {reader}")
        assert "not valid (any more)" in await asked(telegram, GROUP, f"/start {reader}", user=OWNER, topic=TOPIC)
        group = await code(daemon, "user")
        assert "enrolled as user" in await asked(telegram, GROUP, f"/start {group}", user=OWNER, topic=TOPIC)
        await armed_zone(daemon, binance)
        binance.prices["BTCUSDT"] = CLOSE
        await telegram.wait_for_texts(SECOND, 2)
        await telegram.wait_for_texts(GROUP, 3)

        refusals = [
            await asked(telegram, SECOND, words) for words in ("/mute 2h", "/watch ETH", "/quiet off", "/settings")
        ]
        stranger = await asked(telegram, GROUP, "/unwatch all", user=777, topic=TOPIC)
        tapped = [number for chat, number in telegram.messages if chat == SECOND][1]
        mute = telegram.messages[SECOND, tapped]["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        await telegram.push_tap(SECOND, tapped, mute)
        notice = (await telegram.wait_for("answerCallbackQuery", 1))[0].params["text"]
        listed = await asked(telegram, OWNER, "/chats")
        await asked(telegram, OWNER, f"/remove {SECOND}")
        gone = await asked(telegram, SECOND, "/clusters")

    assert all("enrolled as reader" in refusal for refusal in refusals)
    assert "In a group only people who are enrolled themselves" in stranger
    assert notice.startswith("Nothing was changed")
    assert f"{SECOND} telegram, reader" in listed
    assert f"{GROUP}/{TOPIC} telegram, user" in listed
    assert "not allowed" in gone
    alert = next(call.params for call in telegram.calls_of("sendMessage") if is_alert(call.params, GROUP))
    assert alert["message_thread_id"] == str(TOPIC)


def is_alert(params: Any, chat: int) -> bool:
    return params["chat_id"] == str(chat) and "cluster of liquidated longs" in params["text"]


async def test_after_the_daily_cap_one_notice_and_a_chat_that_comes_back_is_told_again(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    """The second chat has blocked the bot for the first alert; the owner has had his only message of the day then."""
    telegram.blocked.add(SECOND)
    extra = {
        "LIQALERT_ALERTS__KINDS": "formed,near",
        "LIQALERT_ALERTS__DAILY_CAP": "1",
        "LIQALERT_TELEGRAM__ALLOWED_CHATS": f"{OWNER},{SECOND}",
    }
    async with watching(tmp_path, binance, telegram, **extra) as daemon:
        await armed_zone(daemon, binance)
        await telegram.wait_for_texts(OWNER)
        assert "not reachable since" in await asked(telegram, OWNER, "/chats")
        telegram.blocked.clear()
        await telegram.push_text(SECOND, "/start")
        await telegram.wait_for_texts(SECOND)
        assert "not reachable since" not in await asked(telegram, OWNER, "/chats")
        binance.prices["BTCUSDT"] = CLOSE
        texts = await telegram.wait_for_texts(OWNER, 4)
        [_, told] = await telegram.wait_for_texts(SECOND, 2)
        alerts = (await daemon.get("/api/v1/alerts"))["alerts"]

    assert "has formed" in texts[0]
    assert "the daily cap (alerts.daily_cap)" in texts[3]
    assert told.startswith("BTCUSDT: 0.5 % from")
    assert len(alerts) == 2
