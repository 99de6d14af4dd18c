"""`liqalert init` at a real terminal, and `liqalert pair` beside a server and beside a database."""

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
from liqalert.ports import Role
from liqalert.settings import load_settings
from liqalert.storage.database import Database
from liqalert.storage.enrolment import Enrolments
from liqalert.web.access import Access
from liqalert.web.pairing import CannotPair
from tests.telegram_server import TOKEN, Fault, TelegramServer, telegram_server
from tests.web.pairing_rig import Offers, serving

OWNER = 4242


@pytest.fixture
async def telegram(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TelegramServer]:
    async with telegram_server() as server:
        monkeypatch.setenv("LIQALERT_TELEGRAM__API_URL", server.api_url)
        yield server


@pytest.fixture(autouse=True)
def logs_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process the log is pytest's; a process at a terminal of its own configures its own."""
    monkeypatch.setattr("liqalert.logs.configure", lambda *arguments: None)


# ---------------------------------------------------------------- init


@dataclass
class Terminal:
    """A process at a terminal of its own."""

    process: asyncio.subprocess.Process
    controls: int
    shown: str = ""

    async def until(self, text: str, *, timeout: float = 15.0) -> None:
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

    async def end(self, *, timeout: float = 15.0) -> int:
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


# ---------------------------------------------------------------- pair


async def _run(line: str) -> int:
    return await asyncio.to_thread(main, line.split())


@pytest.mark.parametrize(("line", "role"), [("pair", "user"), ("pair --role owner", "owner")])
async def test_pair_shows_the_code_that_the_daemon_gives(
    line: str, role: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offers = Offers()
    async with serving(offers) as client:
        monkeypatch.setenv("LIQALERT_WEB__PORT", str(client.port))

        assert await _run(line) == 0

    assert capsys.readouterr().out == (
        f"Code ABCDEFGHJK enrols one chat as {role}, once, until 22:23 UTC.\n"
        "Open https://t.me/standin_bot?start=ABCDEFGHJK and press Start,\n"
        "or send the bot /start ABCDEFGHJK from that chat, which may be a group.\n"
    )
    assert offers.roles == [Role(role)]


async def test_pair_without_the_bots_name_shows_the_code_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(Offers(link=None)) as client:
        monkeypatch.setenv("LIQALERT_WEB__PORT", str(client.port))

        assert await _run("pair") == 0

    assert capsys.readouterr().out.splitlines()[1:] == [
        "Send the bot /start ABCDEFGHJK from that chat, which may be a group."
    ]


async def test_pair_gives_the_token_of_the_settings_and_tells_what_the_daemon_objects_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offers = Offers(CannotPair("telegram.token is not set"))
    async with serving(offers, Access("127.0.0.1", "geheim")) as client:
        monkeypatch.setenv("LIQALERT_WEB__PORT", str(client.port))
        assert await _run("pair") == 1
        monkeypatch.setenv("LIQALERT_WEB__TOKEN", "geheim")
        assert await _run("pair") == 1

    refused, objected = capsys.readouterr().err.splitlines()
    assert "answers 401: " in refused
    assert objected.endswith("answers 409: telegram.token is not set")


async def test_pair_without_a_daemon_writes_the_code_and_says_to_start_one(
    telegram: TelegramServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIQALERT_TELEGRAM__TOKEN", TOKEN)

    assert await _run("pair --role reader") == 0

    shown = capsys.readouterr()
    found = re.match(r"Code ([A-Z2-9]{10}) enrols one chat as reader, once, until \d\d:\d\d UTC\.\n", shown.out)
    assert found is not None
    assert f"https://t.me/standin_bot?start={found[1]} " in shown.out
    assert "start it with `liqalert run` before the code expires" in shown.err
    async with Database("sqlite+aiosqlite:///liqalert.db") as database:
        chat = await Enrolments(database).redeem(found[1], "telegram", "77", 0.0)
    assert chat is not None
    assert chat.role is Role.READER


async def test_pair_without_a_token_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert await _run("pair") == 1

    assert "telegram.token is not set: run `liqalert init`" in capsys.readouterr().err


def test_pair_refuses_a_role_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pair", "--role", "king"]) == 2

    assert "invalid choice: 'king'" in capsys.readouterr().err
