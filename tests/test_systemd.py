"""The unit as shipped, under a real systemd, on the system's Python, against an exchange and a Bot API on loopback."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.binance_server import BinanceServer
from tests.daemon import OWNER, free_port
from tests.shipping import ROOT, build_wheel, new_environment
from tests.systemd_container import SystemdContainer, can_boot
from tests.telegram_server import TOKEN, TelegramServer

UNIT = "liqalert.service"
SETTINGS = """\
[binance]
ws_url = "{binance.ws_url}"
rest_url = "{binance.rest_url}"
[clusters]
rebuild_seconds = 0.5
[telegram]
api_url = "{telegram.api_url}"
allowed_chats = [{owner}]
[web]
port = {port}
"""
IMPATIENT = """\
[Service]
WatchdogSec=3s
RestartSec=200ms
Environment=PYTHONPATH=/opt/liqalert/blockable
"""
CONFINED = {
    "status": r"^CapEff:\s+0+$(?s:.*)^NoNewPrivs:\s+1$(?s:.*)^Seccomp:\s+2$",
    "limits": r"^Max core file size +0 +0 ",
    "coredump_filter": r"^0+$",
}
"""What the kernel says of the process: no privileges, and no dump that would hold the tokens."""
# A signal makes the loop's own thread sleep; every other thread goes on.
BLOCKABLE = "import signal, time\nsignal.signal(signal.SIGUSR1, lambda *_: time.sleep(60))\n"


class Service:
    """The unit in the container. Its settings and drop-ins are files in `etc` and `drop_ins`."""

    def __init__(self, container: SystemdContainer, port: int) -> None:
        self.container = container
        self._port = port

    async def systemctl(self, *arguments: str) -> str:
        ended = await self.container.run("systemctl", *arguments)
        assert ended.status == 0, f"{ended.output}\n{await self.log()}"
        return ended.output

    async def show(self, name: str) -> str:
        """A property of the unit."""
        return await self.systemctl("show", "--value", "--property", name, UNIT)

    async def log(self) -> str:
        return (await self.container.run("journalctl", "--output=cat", "--unit", UNIT)).output

    async def get(self, path: str) -> Any:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self._port}{path}") as answer:
            return await answer.json()

    async def until_shown(self, name: str, value: str) -> None:
        """Until a property of the unit has that value; the log is in the error otherwise."""
        try:
            async with asyncio.timeout(60):
                while await self.show(name) != value:
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{name} is never {value}\n{await self.log()}") from None

    async def until(self, path: str, holds: Callable[[Mapping[str, Any]], object], timeout_s: float = 60.0) -> Any:
        """The JSON at `path` as soon as it satisfies `holds`; the log is in the error otherwise."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    try:
                        answer = await self.get(path)
                        if holds(answer):
                            return answer
                    except aiohttp.ClientError:
                        pass  # between two lives
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(await self.log()) from None


def _script_of_the_guide() -> str:
    """`liqalert-as-service`, as the guide has the operator write it."""
    return (ROOT / "deploy/README.md").read_text().partition("<<'EOF'\n")[2].partition("EOF\n")[0]


def _drop_in_of_the_guide(drop_ins: Path) -> str:
    """The command that adds a secret, writing to `drop_ins`."""
    command = (ROOT / "deploy/README.md").read_text().partition("printf ")[1:]
    return "".join(command).partition("```")[0].replace(f"/etc/systemd/system/{UNIT}.d", str(drop_ins))


def _install(path: Path) -> None:
    """As the guide does: on the system's Python, because the unit's sandbox hides one in somebody's home."""
    making = path.with_suffix(".making")
    environment = new_environment(making / ".venv", "/usr/bin/python3")
    environment.install("--compile-bytecode", build_wheel(ROOT, making / "dist"))
    (making / "blockable").mkdir()
    (making / "blockable/sitecustomize.py").write_text(BLOCKABLE)
    making.rename(path)


# Beside three other workers on two cores, an install and two starts take their time.


# Not collected where nothing can be booted; CI can, or fails.
if can_boot() or os.environ.get("CI"):

    @pytest.fixture(scope="module")
    def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("systemd")

    @pytest.fixture(scope="module")
    def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
        """What is to be /opt/liqalert: made by whichever worker comes first, read by all."""
        base = tmp_path_factory.getbasetemp()
        path = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "opt"
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # as long as one install takes, which the time limit of a test bounds
            if not path.exists():
                _install(path)
        return path

    @pytest.fixture(scope="module")
    def container(directory: Path, installed: Path) -> Iterator[SystemdContainer]:
        etc, drop_ins = directory / "etc", directory / "drop_ins"
        etc.mkdir()
        drop_ins.mkdir()
        mounts = {
            "/opt/liqalert": installed,
            "/etc/liqalert": etc,
            f"/etc/systemd/system/{UNIT}": ROOT / "deploy" / UNIT,
            f"/etc/systemd/system/{UNIT}.d": drop_ins,
        }
        with SystemdContainer(directory, mounts) as booted:
            yield booted

    @pytest.fixture
    async def service(
        directory: Path, container: SystemdContainer, binance: BinanceServer, telegram: TelegramServer
    ) -> AsyncIterator[Service]:
        """Configured as the guide says, not started, and without a past."""
        port = free_port()
        settings = SETTINGS.format(binance=binance, telegram=telegram, owner=OWNER, port=port)
        (directory / "etc/settings.toml").write_text(settings)
        token = directory / "etc/telegram-token"
        token.write_text(f"{TOKEN}\n")
        token.chmod(0o600)
        service = Service(container, port)
        await service.systemctl("daemon-reload")
        yield service
        await container.run("systemctl", "stop", UNIT)
        await container.run("systemctl", "reset-failed", UNIT)
        for drop_in in (directory / "drop_ins").iterdir():
            drop_in.unlink()
        script = "rm -rf /var/lib/private/liqalert /var/lib/liqalert; journalctl --rotate --vacuum-time=1us"
        await container.run("sh", "-c", script)

    async def test_life_is_ready_reads_its_credential_and_ends_cleanly(
        service: Service, telegram: TelegramServer
    ) -> None:
        await service.systemctl("start", UNIT)  # returns at READY
        ready = await service.get("/readyz")
        status = await service.show("StatusText")
        await telegram.wait_for("getUpdates")  # the stand-in refuses any other token
        process = f"/proc/{await service.show('MainPID')}"
        environ = await service.container.run("cat", f"{process}/environ")
        confined = await service.container.run("cat", *(f"{process}/{name}" for name in CONFINED))
        await service.systemctl("stop", UNIT)
        log = await service.log()

        assert ready["ready"]
        assert status == "watching"
        assert "CREDENTIALS_DIRECTORY" in environ.output
        assert TOKEN not in environ.output + log
        assert [words for words in CONFINED.values() if not re.search(words, confined.output, re.MULTILINE)] == []
        assert await service.show("Result") == "success"
        assert await service.show("ExecMainStatus") == "0"
        assert "Traceback" not in log

    async def test_a_secret_that_is_added_as_the_guide_says_reaches_the_service(
        service: Service, directory: Path
    ) -> None:
        token = directory / "etc/web-token"
        token.write_text("a-long-random-text\n")
        token.chmod(0o600)
        subprocess.run(["sh", "-e", "-c", _drop_in_of_the_guide(directory / "drop_ins")], check=True)
        await service.systemctl("daemon-reload")

        await service.systemctl("start", UNIT)

        assert (await service.get("/api/v1/feeds"))["error"].endswith("must carry the token from web.token.")

    async def test_zones_outlive_a_restart_and_files_stay_with_the_service(
        service: Service, binance: BinanceServer, directory: Path
    ) -> None:
        await service.systemctl("start", UNIT)
        for step in range(10):
            await binance.liquidate("BTCUSDT", "SELL", price=60_000 + step, quantity=5)
        [before] = (await service.until("/api/v1/clusters", lambda answer: answer["zones"]))["zones"]

        await service.systemctl("restart", UNIT)
        [after] = (await service.until("/api/v1/clusters", lambda answer: answer["zones"]))["zones"]
        as_service = directory / "etc/liqalert-as-service"
        as_service.write_text(_script_of_the_guide())
        backup = await service.container.run("sh", "/etc/liqalert/liqalert-as-service", "db", "backup", "backup.db")
        owners = await service.container.run(
            "sh", "-c", "cd /var/lib/private/liqalert; stat --format='%a %U %n' . *.db"
        )

        assert after["id"] == before["id"]
        assert backup.status == 0, backup.output
        assert owners.output.splitlines() == ["700 liqalert .", "600 liqalert backup.db", "600 liqalert liqalert.db"]

    async def test_watchdog_restarts_a_blocked_loop_and_never_because_the_exchange_is_away(
        service: Service, directory: Path, binance: BinanceServer
    ) -> None:
        (directory / "drop_ins/test.conf").write_text(IMPATIENT)
        await service.systemctl("daemon-reload")
        await service.systemctl("start", UNIT)
        began = await service.show("MainPID")

        await binance.stop()
        await service.until("/readyz", lambda answer: not answer["ready"])
        await asyncio.sleep(3.5)  # longer than the watchdog waits
        in_outage = [await service.show(name) for name in ("ActiveState", "NRestarts", "MainPID")]
        warned = await service.container.run("journalctl", "--output=cat", "--unit", UNIT, "--priority=warning")
        await service.systemctl("kill", "--kill-whom=main", "--signal=SIGUSR1", UNIT)
        await service.until_shown("NRestarts", "1")
        await service.until_shown("ActiveState", "active")

        assert in_outage == ["active", "0", began]
        assert "Z WARNING liqalert.feeds.runner feed not alive" in warned.output
        assert " INFO " not in warned.output
        assert await service.show("MainPID") != began
        assert "Watchdog timeout (limit 3s)!" in await service.log()

    async def test_mistake_in_the_settings_is_told_and_not_tried_again(service: Service, directory: Path) -> None:
        (directory / "drop_ins/test.conf").write_text("[Service]\nRestartSec=100ms\n")
        (directory / "etc/settings.toml").write_text("[alerts]\nmin_strength = 7\n")
        await service.systemctl("daemon-reload")

        ended = await service.container.run("systemctl", "start", UNIT)
        await asyncio.sleep(1.0)  # ten times as long as until a restart

        assert ended.status != 0
        assert [await service.show(name) for name in ("ActiveState", "NRestarts")] == ["failed", "0"]
        assert "alerts.min_strength" in await service.log()
