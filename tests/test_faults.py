"""The faults a trader is most afraid of, on the daemon as a process: systemd's view, a full disk, a silent exchange."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.binance_server import BinanceServer
from tests.daemon import OWNER, Daemon
from tests.small_disk import can_mount
from tests.telegram_server import TelegramServer


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket that systemd would listen on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


async def heard(systemd: socket.socket, within_s: float) -> list[str]:
    """Everything the daemon says to systemd within that time."""
    said: list[str] = []
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    while (left := until - loop.time()) > 0:
        try:
            said.append((await asyncio.wait_for(loop.sock_recv(systemd, 4096), left)).decode())
        except TimeoutError:
            break
    return said


def alerts(telegram: TelegramServer) -> list[str]:
    """What the owner was told, without notices, like that of the disk that is full."""
    return [text for text in telegram.texts(OWNER) if "Rule:" in text]


async def test_systemd_hears_ready_the_watchdog_also_through_an_outage_and_the_end(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer, systemd: socket.socket
) -> None:
    extra = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
    async with Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
        await daemon.until("/readyz", lambda answer: answer["ready"])
        at_start = await heard(systemd, 2.0)
        await binance.stop()
        await daemon.until("/readyz", lambda answer: not answer["ready"])
        in_outage = await heard(systemd, 3.0)
        await daemon.terminate()
        at_end = await heard(systemd, 0.5)

    # The watchdog's timer may fire just before.
    assert next(said for said in at_start if said != "WATCHDOG=1") == "READY=1\nSTATUS=watching"
    assert at_start.count("WATCHDOG=1") >= 2
    assert in_outage.count("WATCHDOG=1") >= 4
    assert at_end[-1] == "STOPPING=1"


async def test_ready_is_said_also_when_the_exchange_cannot_be_reached(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer, systemd: socket.socket
) -> None:
    await binance.stop()
    extra = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    async with Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
        await daemon.until("/readyz", lambda answer: "cannot be reached" in str(answer["reasons"]))
        [ready] = await heard(systemd, 1.0)

    assert ready.startswith("READY=1\nSTATUS=binance is not proven alive:")


async def test_an_exchange_that_goes_silent_is_noticed_in_5_s_and_told_once(
    tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
) -> None:
    """The socket stays open and nothing comes: what happened on 2026-04-23."""
    async with Daemon(tmp_path, binance=binance, telegram=telegram) as daemon:
        await daemon.until("/readyz", lambda answer: answer["ready"])
        binance.stalled = True
        silent_since = asyncio.get_running_loop().time()
        await daemon.until("/readyz", lambda answer: not answer["ready"], timeout=8)
        noticed_s = asyncio.get_running_loop().time() - silent_since
        [notice] = await telegram.wait_for_texts(OWNER, timeout=25)
        await telegram.push_text(OWNER, "/clusters")
        answer = (await telegram.wait_for_texts(OWNER, 2))[1]
        binance.stalled = False
        await telegram.wait_for_texts(OWNER, 3)
        gaps = (await daemon.get("/api/v1/feeds"))["feeds"][0]["gaps"]

    assert noticed_s < 7
    assert "Binance is not being watched" in notice
    assert "not alive" in answer
    assert "watched again" in telegram.texts(OWNER)[2]
    assert len(gaps) == 1
    assert len(telegram.texts(OWNER)) == 3


if can_mount():

    @pytest.fixture
    def small_disk(tmp_path: Path) -> Iterator[Path]:
        directory = tmp_path / "disk"
        directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(directory)], check=True, timeout=10)
        yield directory
        subprocess.run(["umount", "-l", str(directory)], check=True, timeout=10)

    async def test_a_full_disk_stops_no_alert(
        small_disk: Path, tmp_path: Path, binance: BinanceServer, telegram: TelegramServer
    ) -> None:
        extra = {"LIQALERT_DATABASE__URL": f"sqlite+aiosqlite:///{small_disk}/liqalert.db"}
        async with Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
            await daemon.until("/readyz", lambda answer: answer["ready"])
            for step in range(10):
                await binance.liquidate("BTCUSDT", "SELL", price=60_000 + step, quantity=5)
            await daemon.until_zone("idle")
            ballast = small_disk / "ballast"
            # Until it refuses: meanwhile the daemon writes too.
            with ballast.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(4096))
            binance.prices["BTCUSDT"] = 57_000.0
            await daemon.until_zone("armed")
            binance.prices["BTCUSDT"] = 59_700.0
            await daemon.until("/api/v1/clusters", lambda _: alerts(telegram))
            full = await daemon.until("/readyz", lambda answer: not answer["ready"])
            ballast.unlink()
            await daemon.until("/readyz", lambda answer: answer["ready"])
            kept = await daemon.until("/api/v1/alerts", lambda answer: answer["alerts"])
            sent = await daemon.until(
                "/api/v1/alerts", lambda answer: [d["status"] for d in answer["alerts"][0]["deliveries"]] == ["sent"]
            )

        [text] = alerts(telegram)
        assert "not recorded: database unwritable" in text
        assert any("database" in reason for reason in full["reasons"])
        assert len(kept["alerts"]) == len(sent["alerts"]) == 1
