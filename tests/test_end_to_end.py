"""The whole way: frames on a socket in, one Telegram message out, through crashes. The daemon is a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from liqalert.clock import SystemClock
from tests.binance_server import BinanceServer
from tests.daemon import OWNER, STRANGER, Daemon
from tests.telegram_server import Fault, TelegramServer

FAR, CLOSE, INSIDE = 57_000.0, 59_700.0, 60_005.0
"""Marks 5 % and 0.5 % below the zone, and within it."""


@pytest.fixture
async def daemon(tmp_path: Path, binance: BinanceServer, telegram: TelegramServer) -> AsyncIterator[Daemon]:
    async with Daemon(tmp_path, binance=binance, telegram=telegram) as running:
        await running.until("/readyz", lambda answer: answer["ready"])
        yield running


async def armed_zone(daemon: Daemon, binance: BinanceServer) -> None:
    """Ten longs of 300,000 USD are liquidated between 60,000 and 60,009, then price falls away by 5 %."""
    for step in range(10):
        await binance.liquidate("BTCUSDT", "SELL", price=60_000 + step, quantity=5)
    await daemon.until_zone("idle")
    binance.prices["BTCUSDT"] = FAR
    await daemon.until_zone("armed")
    await daemon.until_kept(10)
    await asyncio.sleep(1.2)  # the journal writes once a second: until when was watched is to be on disk, too


def alerts(telegram: TelegramServer, chat: int = OWNER) -> list[str]:
    return [text for text in telegram.texts(chat) if "cluster of liquidated longs" in text]


async def test_one_alert_reaches_the_allowed_chat_and_nobody_else(
    daemon: Daemon, binance: BinanceServer, telegram: TelegramServer
) -> None:
    await armed_zone(daemon, binance)
    binance.prices["BTCUSDT"] = CLOSE

    [text] = await telegram.wait_for_texts(OWNER)
    await daemon.until("/api/v1/alerts", lambda answer: answer["alerts"][0]["deliveries"][0]["status"] == "sent")
    await telegram.push_text(OWNER, "/clusters")
    await telegram.push_text(STRANGER, "/clusters")
    answers = await telegram.wait_for_texts(OWNER, 2)
    refusal = await telegram.wait_for_texts(STRANGER)

    assert "BTCUSDT" in text
    assert "long" in text
    assert "0.5 %" in text
    assert "BTCUSDT" in answers[1]
    assert "realised" in answers[1]
    assert str(STRANGER) in refusal[0]
    assert "BTCUSDT" not in refusal[0]
    assert len(alerts(telegram)) == 1
    assert telegram.refused == []


async def test_alert_leads_to_the_page_where_a_phone_reaches_it(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    on = {"LIQALERT_WEB__PUBLIC_URL": "https://liqalert.example.org/", "LIQALERT_CONSOLE__ENABLED": "true"}
    async with Daemon(tmp_path, binance=binance, telegram=telegram, **on) as daemon:
        await daemon.until("/readyz", lambda answer: answer["ready"])
        await armed_zone(daemon, binance)
        binance.prices["BTCUSDT"] = CLOSE
        [text] = await telegram.wait_for_texts(OWNER)
        await daemon.until(
            "/api/v1/alerts", lambda answer: {each["status"] for each in answer["alerts"][0]["deliveries"]} == {"sent"}
        )

    assert "\nMore: page or /why " in text
    assert "\nMore: https://liqalert.example.org/#BTCUSDT/24h or /why " in daemon.log.read_text()


async def test_kill_9_before_the_alert_loses_nothing(
    daemon: Daemon, binance: BinanceServer, telegram: TelegramServer
) -> None:
    await armed_zone(daemon, binance)
    await daemon.kill()
    await daemon.start()
    await daemon.until_zone("armed")
    binance.prices["BTCUSDT"] = CLOSE

    await telegram.wait_for_texts(OWNER)
    await daemon.until_zone("near")

    assert len(alerts(telegram)) == 1


async def test_kill_9_after_the_alert_repeats_nothing(
    daemon: Daemon, binance: BinanceServer, telegram: TelegramServer
) -> None:
    await armed_zone(daemon, binance)
    binance.prices["BTCUSDT"] = CLOSE
    await telegram.wait_for_texts(OWNER)
    await daemon.until("/api/v1/alerts", lambda answer: answer["alerts"][0]["deliveries"][0]["status"] == "sent")
    for _ in range(2):
        await daemon.kill()
        await daemon.start()
        await daemon.until_zone("near")

    await telegram.push_text(OWNER, "/status")
    await telegram.wait_for_texts(OWNER, 2)

    assert len(alerts(telegram)) == 1


async def test_kill_9_while_telegram_is_away_delivers_after_the_restart(
    daemon: Daemon, binance: BinanceServer, telegram: TelegramServer
) -> None:
    port = telegram.port
    await armed_zone(daemon, binance)
    await telegram.stop()
    binance.prices["BTCUSDT"] = CLOSE
    await daemon.until("/api/v1/alerts", lambda answer: answer["alerts"] and answer["alerts"][0]["deliveries"])
    await daemon.kill()
    await telegram.start(port)
    await daemon.start()

    await telegram.wait_for_texts(OWNER)
    await daemon.until("/api/v1/alerts", lambda answer: answer["alerts"][0]["deliveries"][0]["status"] == "sent")

    assert len(alerts(telegram)) == 1


async def test_what_happened_while_down_is_told_once_with_the_time_it_was_down(
    daemon: Daemon, binance: BinanceServer, telegram: TelegramServer
) -> None:
    await armed_zone(daemon, binance)
    await daemon.kill()
    binance.prices["BTCUSDT"] = CLOSE
    await asyncio.sleep(16)
    await daemon.start()

    [text] = await telegram.wait_for_texts(OWNER)
    await daemon.until_zone("near")
    feeds = await daemon.until("/api/v1/feeds", lambda answer: answer["feeds"] and answer["feeds"][0]["gaps"])

    assert "not watching" in text
    assert feeds["feeds"][0]["gaps"][-1]["cause"] == "liqalert was not running"
    assert len(alerts(telegram)) == 1


async def test_a_start_without_the_token_takes_nothing_from_a_chat(
    daemon: Daemon, binance: BinanceServer, telegram: TelegramServer
) -> None:
    """What was due when Telegram was away is still owed after a run without a token."""
    port = telegram.port
    await armed_zone(daemon, binance)
    await telegram.stop()
    binance.prices["BTCUSDT"] = CLOSE
    await daemon.until("/api/v1/alerts", lambda answer: answer["alerts"] and answer["alerts"][0]["deliveries"])
    await daemon.kill()
    await daemon.start(LIQALERT_TELEGRAM__TOKEN="")
    await daemon.until("/readyz", lambda answer: answer["ready"])
    await daemon.terminate()
    await telegram.start(port)
    await daemon.start()

    answer = await daemon.until("/api/v1/alerts", lambda answer: answer["alerts"][0]["deliveries"])

    # Due where the run without a token has postponed it by a minute; `dead` is what must not be.
    by_channel = {delivery["channel"]: delivery["status"] for delivery in answer["alerts"][0]["deliveries"]}
    assert by_channel["telegram"] in ("due", "sent")


async def test_a_second_daemon_on_the_same_database_refuses_to_start(
    daemon: Daemon, tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    second = Daemon(tmp_path, binance=binance, telegram=telegram)
    second.log = tmp_path / "second.log"
    await second.start()

    assert await asyncio.wait_for(second.process.wait(), 60) == 1
    assert f"another liqalert (process {daemon.process.pid}) uses" in second.log.read_text()


async def test_sigterm_ends_it_cleanly(daemon: Daemon, binance: BinanceServer) -> None:
    await armed_zone(daemon, binance)

    assert await daemon.terminate() == 0
    assert "stopped" in daemon.log.read_text()
    assert "Traceback" not in daemon.log.read_text()


async def test_sigterm_during_a_send_waits_for_the_answer_and_repeats_nothing(
    daemon: Daemon, binance: BinanceServer, telegram: TelegramServer
) -> None:
    """Telegram has taken the message, and its answer is 3 s away when the daemon is told to end."""
    await armed_zone(daemon, binance)
    telegram.fail("sendMessage", Fault.hang(3.0))
    binance.prices["BTCUSDT"] = CLOSE
    await telegram.wait_for("sendMessage")

    assert await daemon.terminate() == 0
    await daemon.start()
    stored = await daemon.until("/api/v1/alerts", lambda answer: answer["alerts"])
    await telegram.push_text(OWNER, "/status")
    await telegram.wait_for_texts(OWNER, 2)

    assert [(each["status"], each["attempts"]) for each in stored["alerts"][0]["deliveries"]] == [("sent", 1)]
    assert len(alerts(telegram)) == 1


async def test_sigterm_while_rest_hangs_is_heard_at_once(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    binance.rest_delay_s = 30.0
    async with Daemon(tmp_path, binance=binance, telegram=telegram) as daemon:
        await daemon.until("/healthz", lambda answer: answer["ok"])
        told_at = SystemClock().now()

        assert await daemon.terminate() == 0
        [stopping] = [line for line in daemon.log.read_text().splitlines() if line.endswith(" stopping")]
        # By the log, because an interpreter takes its time to end; the lists of instruments are waited for 3 s at most.
        assert datetime.fromisoformat(stopping.split()[0]).timestamp() - told_at < 2.0


async def test_without_rest_it_works_and_says_what_is_missing(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    binance.rest_status = 502
    async with Daemon(tmp_path, binance=binance, telegram=telegram) as daemon:
        ready = await daemon.until("/readyz", lambda answer: answer["ready"])
        for step in range(10):
            await binance.liquidate("BTCUSDT", "SELL", price=60_000 + step, quantity=5)
        await daemon.until_zone("idle")
        answer = await daemon.get("/api/v1/clusters/btc")

    assert any("COIN-M" in reason for reason in ready["reasons"])
    assert any("not calibrated" in reason for reason in ready["reasons"])
    assert [cluster["calibrated"] for cluster in answer["clusters"]] == [False]


async def test_a_page_with_a_token_that_can_be_guessed_starts_with_a_warning(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    extra = {"LIQALERT_WEB__TOKEN": "hunter2", "LIQALERT_WEB__PUBLIC_URL": "https://liqalert.example.org"}
    async with Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
        await daemon.until("/readyz", lambda answer: answer["ready"])

        assert "web.token can be guessed" in daemon.log.read_text()
        assert "hunter2" not in daemon.log.read_text()


async def test_a_wrong_token_ends_the_bot_and_not_the_daemon(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    extra = {"LIQALERT_TELEGRAM__TOKEN": "999:AAwrong"}
    async with Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
        ready = await daemon.until("/readyz", lambda a: a["ready"] and any("token" in r for r in a["reasons"]))

        assert daemon.process.returncode is None
        assert "AAwrong" not in daemon.log.read_text()
        assert "AAwrong" not in str(ready)
