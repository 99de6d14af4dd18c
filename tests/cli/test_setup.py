"""`liqalert init` at a real terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from liqalert.cli import main
from liqalert.settings import load_settings
from tests.telegram_server import TOKEN, Fault, TelegramServer

pytestmark = pytest.mark.usefixtures("logs_as_they_are")
OWNER = 4242


@dataclass
class Terminal:
    """A process at a terminal of its own."""

    process: asyncio.subprocess.Process
    controls: int
    shown: str = ""

    async def until(self, text: str, *, timeout: float = 60.0) -> None:
        """Reads until `text` has been shown."""
        async with asyncio.timeout(timeout):
            while text not in self.shown:
                assert await self._read(), self.shown

    async def interrupt(self) -> None:
        """Ctrl-C once the process sleeps: at the instant before it reads, the interpreter would look at it later."""
        async with asyncio.timeout(15.0):
            while Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2][0] != "S":
                await asyncio.sleep(0.001)
        self.process.send_signal(signal.SIGINT)

    async def end(self, *, timeout: float = 60.0) -> int:
        async with asyncio.timeout(timeout):
            while await self._read():
                pass
            return await self.process.wait()

    def type(self, text: str) -> None:
        os.write(self.controls, text.encode())

    async def _read(self) -> bool:
        """False when the process has let go of its terminal."""
        try:
            read = await asyncio.to_thread(os.read, self.controls, 4096)
        except OSError:
            return False
        self.shown += read.decode().replace("\r\n", "\n")
        return bool(read)

    @property
    def code(self) -> str:
        found = re.search(r"\?start=([A-Z2-9]{10})", self.shown)
        assert found is not None, self.shown
        return found[1]


@asynccontextmanager
async def at_terminal(*arguments: str) -> AsyncIterator[Terminal]:
    controls, end = pty.openpty()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts so what it puts into the background, and children inherit it; a terminal does not.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "liqalert", *arguments, stdin=end, stdout=end, stderr=end, start_new_session=True
    )
    os.close(end)
    try:
        yield Terminal(process, controls)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(controls)


async def test_init_asks_for_the_token_without_showing_it_and_writes_the_settings(
    telegram: TelegramServer, empty_place: Path
) -> None:
    telegram.fail("getUpdates", Fault.bad_gateway())

    async with at_terminal("init") as terminal:
        await terminal.until("(it is not shown): ")
        terminal.type(f"{TOKEN}\n")
        await terminal.until("Ctrl-C ends it.")
        await telegram.push_text(OWNER, f"/start {terminal.code}")

        assert await terminal.end() == 0

    assert TOKEN not in terminal.shown
    assert "Traceback" not in terminal.shown
    assert terminal.shown.endswith(
        "settings.toml is written; only its owner can read it.\nNext:\n  liqalert check --online\n  liqalert run\n"
    )
    path = empty_place / "settings.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_settings(path, {}).telegram.allowed_chats == (OWNER,)


async def test_init_asks_again_after_a_slip_and_gives_up_after_three(
    telegram: TelegramServer, empty_place: Path
) -> None:
    async with at_terminal("init") as terminal:
        for slip in ("", "no token", "123"):
            await terminal.until("(it is not shown): ")
            terminal.shown = ""
            terminal.type(f"{slip}\n")
        assert await terminal.end() == 1

    assert "That is not of the form 123456789:AA..." in terminal.shown
    assert "no token was given: nothing has been written" in terminal.shown
    assert list(empty_place.iterdir()) == []


async def test_init_takes_what_is_not_utf_8_for_a_slip(telegram: TelegramServer, empty_place: Path) -> None:
    async with at_terminal("init") as terminal:
        await terminal.until("(it is not shown): ")
        os.write(terminal.controls, b"\xff\xfe\n")
        # Asking for a secret throws away what was typed before it asked.
        await terminal.until("That is not of the form 123456789:AA...\nToken of the bot (it is not shown): ")
        terminal.type("\4")

        assert await terminal.end() == 1

    assert "Traceback" not in terminal.shown


@pytest.mark.parametrize("moment", ["(it is not shown): ", "Ctrl-C ends it."])
async def test_ctrl_c_ends_init_quietly_and_nothing_is_written(
    telegram: TelegramServer, empty_place: Path, moment: str
) -> None:
    token_file = empty_place / "token"
    token_file.write_text(TOKEN)
    arguments = ["--token-file", str(token_file)] if moment.startswith("Ctrl") else []

    async with at_terminal("init", *arguments) as terminal:
        await terminal.until(moment)
        await terminal.interrupt()
        assert await terminal.end() == 130

    assert "Traceback" not in terminal.shown
    assert terminal.shown.endswith("\n")
    assert [path.name for path in empty_place.iterdir()] == ["token"]


async def test_init_with_a_token_file_asks_nothing_and_leaves_the_token_there(
    telegram: TelegramServer, empty_place: Path
) -> None:
    empty_place.joinpath("token").write_text(f"{TOKEN}\n")

    async with at_terminal("init", "--token-file", "token", "--config", "mine.toml") as terminal:
        await terminal.until("Ctrl-C ends it.")
        await telegram.push_text(OWNER, f"/start {terminal.code}")
        assert await terminal.end() == 0

    assert TOKEN not in empty_place.joinpath("mine.toml").read_text()
    token = load_settings(Path("mine.toml"), {}).telegram.token
    assert token is not None
    assert token.get_secret_value() == TOKEN
    assert "liqalert run --config mine.toml" in terminal.shown


def test_init_without_a_terminal_says_what_to_give(empty_place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 2

    assert capsys.readouterr().err == ("liqalert: there is no terminal to ask for the token: give --token-file FILE\n")


def test_init_into_a_directory_asks_for_a_file_in_it(empty_place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty_place.joinpath("etc").mkdir()

    assert main(["init", "--config", "etc", "--force"]) == 1

    assert "etc is a directory: name a file in it, like etc/settings.toml" in capsys.readouterr().err


def test_init_leaves_settings_alone_that_would_be_read(
    empty_place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = empty_place / "liqalert/settings.toml"
    usual.parent.mkdir()
    usual.write_text("# mine\n")

    assert main(["init"]) == 1

    assert f"{usual} exists: give --force" in capsys.readouterr().err
    assert usual.read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "token cannot be read: No such file or directory"),
        (b"\xff\xfe", "token cannot be read: it is not UTF-8 text"),
        (b"not a token", "token holds no token of the form 123456789:AA..."),
    ],
)
def test_init_refuses_a_token_file_that_holds_none(
    empty_place: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, sentence: str
) -> None:
    if content is not None:
        empty_place.joinpath("token").write_bytes(content)

    assert main(["init", "--token-file", "token"]) == 2

    assert sentence in capsys.readouterr().err


def test_init_that_telegram_refuses_is_a_problem(
    empty_place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIQALERT_TELEGRAM__API_URL", "http://127.0.0.1:9")
    empty_place.joinpath("token").write_text(TOKEN)

    assert main(["init", "--token-file", "token"]) == 1

    shown = capsys.readouterr()
    assert "check network and address" in shown.err
    assert TOKEN not in shown.err + shown.out
    assert not empty_place.joinpath("settings.toml").exists()
