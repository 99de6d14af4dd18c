"""Alerts a trader can live with, the whole way: frames on a socket in, messages, edits and buttons out."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from liqalert.clock import SystemClock
from tests.binance_messages import force_order
from tests.binance_server import BinanceServer
from tests.daemon import OWNER, Daemon
from tests.telegram_server import TelegramServer
from tests.test_end_to_end import CLOSE, INSIDE, armed_zone

SECOND = 5151
BEYOND = 60_900.0
"""A mark 1.5 % above the zone."""


@pytest.fixture
async def daemon(tmp_path: Path, binance: BinanceServer, telegram: TelegramServer) -> AsyncIterator[Daemon]:
    async with Daemon(tmp_path, binance=binance, telegram=telegram) as running:
        await running.until("/readyz", lambda answer: answer["ready"])
        yield running


async def told(daemon: Daemon, binance: BinanceServer, telegram: TelegramServer) -> int:
    """Price has come near the zone; the number of the message that says so."""
    await armed_zone(daemon, binance)
    binance.prices["BTCUSDT"] = CLOSE
    await telegram.wait_for_texts(OWNER)
    [number] = [number for chat, number in telegram.messages if chat == OWNER]
    return number


async def until_text(telegram: TelegramServer, number: int, words: str, *, chat: int = OWNER) -> str:
    async with asyncio.timeout(60):
        while words not in telegram.messages[chat, number]["text"]:
            await asyncio.sleep(0.05)
    found: str = telegram.messages[chat, number]["text"]
    return found


def all_sent(rows: Sequence[Mapping[str, Any]]) -> bool:
    return all(row["deliveries"] and row["deliveries"][0]["status"] == "sent" for row in rows)


def buttons(telegram: TelegramServer, number: int) -> dict[str, str]:
    rows = telegram.messages[OWNER, number]["reply_markup"]["inline_keyboard"]
    return {button["text"]: button["callback_data"] for row in rows for button in row}


# ---------------------------------------------------------------- one message an episode


async def test_price_that_wobbles_across_the_threshold_gives_one_alert(
    daemon: Daemon, binance: BinanceServer, telegram: TelegramServer
) -> None:
    number = await told(daemon, binance, telegram)
    for step in range(200):
        await binance.mark({"BTCUSDT": 59_300.0 if step % 2 else CLOSE, "ETHUSDT": 3000.0})
    # What comes after it in the stream has been looked at: so has every wobble.
    await binance.mark({"BTCUSDT": INSIDE, "ETHUSDT": 3000.0})
    await until_text(telegram, number, "Touched")
    alerts = (await daemon.get("/api/v1/alerts"))["alerts"]

    assert len(alerts) == 1
    assert len(telegram.texts(OWNER)) == 1


async def test_the_message_tells_its_own_outcome(
    daemon: Daemon, binance: BinanceServer, telegram: TelegramServer
) -> None:
    number = await told(daemon, binance, telegram)

    binance.prices["BTCUSDT"] = INSIDE
    touched = await until_text(telegram, number, "Touched: price came into the range")
    binance.prices["BTCUSDT"] = BEYOND
    swept = await until_text(telegram, number, "Swept: price went through the range")

    assert touched.splitlines()[0] == swept.splitlines()[0]
    assert "furthest 60,005 (+0.51 % since the alert)" in touched
    assert "furthest 60,900 (+2.01 % since the alert)" in swept
    assert len(telegram.texts(OWNER)) == 1
    assert list(buttons(telegram, number)) == ["Mute 1 h", "Chart", "Why"]
    assert telegram.refused == []


async def test_an_outcome_that_comes_while_the_daemon_is_down_is_told_after_the_start(
    daemon: Daemon, binance: BinanceServer, telegram: TelegramServer
) -> None:
    number = await told(daemon, binance, telegram)
    await daemon.until("/api/v1/alerts", lambda answer: answer["alerts"][0]["deliveries"][0]["status"] == "sent")
    await daemon.kill()
    binance.prices["BTCUSDT"] = BEYOND
    await daemon.start()

    await until_text(telegram, number, "Swept: price went through the range")
    assert len(telegram.texts(OWNER)) == 1


# ---------------------------------------------------------------- buttons and settings


async def test_buttons_work_on_the_message_of_an_alert(
    daemon: Daemon, binance: BinanceServer, telegram: TelegramServer
) -> None:
    number = await told(daemon, binance, telegram)
    # Why says how it was delivered.
    await daemon.until("/api/v1/alerts", lambda answer: all_sent(answer["alerts"]))
    pressed = buttons(telegram, number)

    for count, label in enumerate(("Mute 1 h", "Ack", "Why", "Chart"), start=1):
        await telegram.push_tap(OWNER, number, pressed[label])
        await telegram.wait_for("answerCallbackQuery", count)
    answers = await telegram.wait_for_texts(OWNER, 3)
    await telegram.push_text(OWNER, "/rules")
    rules = (await telegram.wait_for_texts(OWNER, 4))[3]

    notices = [call.params.get("text", "") for call in telegram.calls_of("answerCallbackQuery")]
    assert notices[:2] == [
        "BTCUSDT is muted for 1 h. /unmute ends it.",
        "Acknowledged: no more about this zone until its episode has ended.",
    ]
    assert "What it rests on: 10 liquidations in the journal" in answers[1]
    assert "delivered" in answers[1] or "1 attempt" in answers[1]
    assert answers[2].startswith("BTCUSDT, 24h, realised")
    assert len(telegram.calls_of("sendPhoto")) == 1
    assert "Muted: BTCUSDT until" in rules


async def test_settings_make_other_rules(daemon: Daemon, telegram: TelegramServer) -> None:
    await telegram.push_text(OWNER, "/settings")
    await telegram.wait_for_texts(OWNER)
    [number] = [number for chat, number in telegram.messages if chat == OWNER]
    for count, data in enumerate(("1:set:distance:2", "1:set:kinds:large:silent"), start=1):
        await telegram.push_tap(OWNER, number, data)
        await telegram.wait_for("editMessageText", count)
    await telegram.push_text(OWNER, "/rules")

    rules = (await telegram.wait_for_texts(OWNER, 2))[1]
    assert "• BTCUSDT within 2 %, strength at least 0.6 (default)" in rules
    assert "• large: ETHUSDT, one liquidation of at least 1.00M USD (default)" in rules
    assert "Loudness: near loud, large silent" in rules


async def test_what_was_held_comes_at_once_when_quiet_hours_are_switched_off(
    daemon: Daemon, binance: BinanceServer, telegram: TelegramServer
) -> None:
    now = datetime.fromtimestamp(SystemClock().now(), UTC)
    begin, end = ((now + timedelta(hours=hours)).strftime("%H:%M") for hours in (-2, 6))
    await telegram.push_text(OWNER, f"/quiet {begin}-{end} UTC")
    await telegram.wait_for_texts(OWNER)
    await armed_zone(daemon, binance)
    binance.prices["BTCUSDT"] = CLOSE
    await daemon.until("/api/v1/alerts", lambda a: a["alerts"] and a["alerts"][0]["deliveries"][0]["status"] == "held")

    await telegram.push_text(OWNER, "/quiet off")
    texts = await telegram.wait_for_texts(OWNER, 3)

    assert texts[1].startswith("No quiet hours")
    assert texts[2].startswith("While it was quiet here: 1 alert\n")


async def test_a_cascade_is_told_by_default(tmp_path: Path, binance: BinanceServer, telegram: TelegramServer) -> None:
    extra = {"LIQALERT_ALERTS__KINDS": "near,cascade"}
    async with Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
        await daemon.until("/readyz", lambda answer: answer["ready"])
        for step in range(10):
            await binance.liquidate("BTCUSDT", "SELL", price=60_000 + step, quantity=5)

        [words] = await telegram.wait_for_texts(OWNER)

    assert words.startswith("BTCUSDT: 3.00M USD of longs liquidated in 60 s")


# ---------------------------------------------------------------- storms, limits


@pytest.mark.timeout(200)
async def test_a_cascade_of_300_instruments_gives_each_chat_six_messages_at_most(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    """Two alerts of each: of the minute in which it was liquidated, and of price that comes back."""
    symbols, chats = [f"COIN{number}USDT" for number in range(300)], (OWNER, SECOND)
    extra = {"LIQALERT_TELEGRAM__ALLOWED_CHATS": f"{OWNER},{SECOND}", "LIQALERT_ALERTS__KINDS": "near,cascade"}
    async with Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
        await daemon.until("/readyz", lambda answer: answer["ready"])
        for chat in chats:
            await telegram.push_text(chat, "/watch all 1% 0.5")
            await telegram.wait_for_texts(chat)
        binance.prices |= dict.fromkeys(symbols, 100.05)
        await daemon.until("/api/v1/clusters", lambda answer: len(answer["marks"]) == 302)
        await cascade(daemon, binance, symbols)
        async with asyncio.timeout(90):
            while sent(tmp_path) < len(chats) * 2 * len(symbols):
                await asyncio.sleep(0.2)

    for chat in chats:
        answered, *sendings = [call for call in telegram.calls_of("sendMessage") if call.params["chat_id"] == str(chat)]
        assert "now told" in answered.params["text"]
        first = [call.params["text"].splitlines()[0] for call in sendings if call.at - sendings[0].at < 60.0]
        assert len(first) <= 6, "\n".join(first)
        told = Counter(re.findall(r"COIN\d+USDT", "\n".join(telegram.texts(chat)[1:])))
        assert set(told) == set(symbols)


async def cascade(daemon: Daemon, binance: BinanceServer, symbols: Sequence[str]) -> None:
    """All are liquidated, price falls away and comes back."""
    for symbol in symbols:
        await binance.send_liquidation(
            [force_order(symbol, "SELL", price=100.0 + step / 100, quantity=4_000) for step in range(6)]
        )
    await daemon.until("/api/v1/clusters", lambda answer: len(answer["zones"]) == len(symbols))
    binance.prices |= dict.fromkeys(symbols, 95.0)
    await daemon.until("/api/v1/clusters", lambda a: all(z["state"] == "armed" for z in a["zones"]))
    binance.prices |= dict.fromkeys(symbols, 99.5)


def sent(directory: Path) -> int:
    """Deliveries of alerts of rules that are settled as sent."""
    with closing(sqlite3.connect(f"file:{directory}/liqalert.db?mode=ro", uri=True)) as database:
        query = (
            "SELECT count(*) FROM deliveries JOIN alerts ON alerts.id = alert_id WHERE status = 'sent' AND kind <> ?"
        )
        found: int = database.execute(query, ("notice",)).fetchone()[0]
        return found


async def test_a_limit_on_one_chat_delays_that_chat_only(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    telegram.limited[OWNER] = time.monotonic() + 4.0
    extra = {"LIQALERT_TELEGRAM__ALLOWED_CHATS": f"{OWNER},{SECOND}"}
    async with Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
        await daemon.until("/readyz", lambda answer: answer["ready"])
        await armed_zone(daemon, binance)
        telegram.limited[OWNER] = time.monotonic() + 4.0
        binance.prices["BTCUSDT"] = CLOSE

        await telegram.wait_for_texts(SECOND, timeout=3)
        assert telegram.texts(OWNER) == []
        await telegram.wait_for_texts(OWNER)

    tries = [call for call in telegram.calls_of("sendMessage") if str(call.params["chat_id"]) == str(OWNER)]
    assert len(tries) <= 3
