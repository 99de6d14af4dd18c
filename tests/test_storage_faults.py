"""What a disk, or a database on it, can do to the daemon as a process, under conditions made with root's means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.binance_server import BinanceServer
from tests.daemon import OWNER, Daemon
from tests.small_disk import can_mount, fill, mounted
from tests.telegram_server import TelegramServer


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "4m") as directory:
        yield directory


def alerts(telegram: TelegramServer) -> list[str]:
    """What the owner was told, without notices."""
    return [text for text in telegram.texts(OWNER) if "Rule:" in text]


def deliveries_are(*statuses: str) -> Callable[[Mapping[str, Any]], object]:
    """Whether there is one alert, with deliveries of these statuses."""
    return lambda answer: (
        [[each["status"] for each in alert["deliveries"]] for alert in answer["alerts"]] == [list(statuses)]
    )


def is_refused_by_the_database(answer: Mapping[str, Any]) -> bool:
    """Not ready, and not for the feed's sake alone."""
    refused = ("liquidations are not kept", "not recorded: database")
    return not answer["ready"] and any(word in reason for reason in answer["reasons"] for word in refused)


async def watch(daemon: Daemon) -> None:
    """Returns once the feed is proven alive, whatever else is wrong."""
    await daemon.until("/api/v1/feeds", lambda answer: [each["alive"] for each in answer["feeds"]] == [True])


async def form_zone(binance: BinanceServer, daemon: Daemon) -> None:
    """A zone of liquidated longs around 60,000, with the mark inside it."""
    await watch(daemon)
    for step in range(10):
        await binance.liquidate("BTCUSDT", "SELL", price=60_000 + step, quantity=5)
    await daemon.until_zone("idle")


async def come_near(binance: BinanceServer, daemon: Daemon) -> None:
    """The mark leaves the zone and comes back to it: an alert is decided."""
    binance.prices["BTCUSDT"] = 57_000.0
    await daemon.until_zone("armed")
    binance.prices["BTCUSDT"] = 59_700.0


async def test_a_damaged_database_is_set_aside_at_the_start_and_the_owner_is_told(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    file = tmp_path / "liqalert.db"
    async with Daemon(tmp_path, binance=binance, telegram=telegram) as daemon:
        await daemon.until("/readyz", lambda answer: answer["ready"])
        await daemon.terminate()
        damaged = bytearray(file.read_bytes())
        damaged[100:4_096] = b"\xff" * 3_996
        file.write_bytes(damaged)

        await daemon.start()
        ready = await daemon.until("/readyz", lambda answer: answer["ready"])
        notice = (await telegram.wait_for_texts(OWNER))[0]
        await form_zone(binance, daemon)
        await come_near(binance, daemon)
        await daemon.until("/api/v1/clusters", lambda _: alerts(telegram))
        [alert] = (await daemon.get("/api/v1/alerts"))["alerts"]

    [kept] = tmp_path.glob("liqalert.db.damaged-*Z")
    assert kept.read_bytes() == damaged
    assert "The database was damaged" in notice
    assert kept.name in notice
    assert any(kept.name in reason for reason in ready["reasons"])
    assert alert["symbol"] == "BTCUSDT"


if can_mount():

    async def test_a_daemon_started_on_a_full_disk_watches_and_alerts_all_the_same(
        small_disk: Path, tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
    ) -> None:
        """The one before it was killed, as by a machine that went down."""
        extra = {"LIQALERT_DATABASE__URL": f"sqlite+aiosqlite:///{small_disk}/liqalert.db"}
        async with Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
            await daemon.until("/readyz", lambda answer: answer["ready"])
            await daemon.kill()
            ballast = fill(small_disk)

            await daemon.start()
            # What cannot be read is noted at once; that nothing can be written shows with the first write.
            await daemon.until("/readyz", is_refused_by_the_database)
            await form_zone(binance, daemon)
            await come_near(binance, daemon)
            await daemon.until("/api/v1/clusters", lambda _: alerts(telegram))
            ballast.unlink()
            await daemon.until("/readyz", lambda answer: answer["ready"])
            await daemon.until("/api/v1/alerts", deliveries_are("sent"))

        [text] = alerts(telegram)
        assert "not recorded: database unwritable" in text
