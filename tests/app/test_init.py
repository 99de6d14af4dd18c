"""From a token to settings, with a Bot API stand-in over a real socket."""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from liqalert.app import init as under_test
from liqalert.app.init import Account, InitFailed, Written, init, settings_text
from liqalert.settings import load_settings
from tests.leaks import assert_leaks_no_secret
from tests.telegram_server import TOKEN, Fault, TelegramServer, telegram_server

# python-telegram-bot warns whenever it makes a RetryAfter.
pytestmark = pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")

OWNER, STRANGER, GROUP = 4242, 6666, -1001


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with telegram_server() as server:
        yield server


@dataclass
class Session:
    """An init that runs, with what it has said so far."""

    server: TelegramServer
    path: Path
    said: list[str] = field(default_factory=list)

    async def begin(self, *, force: bool = False, wait_s: float = 5.0) -> asyncio.Task[Written]:
        """Returns when it waits for the code."""
        account = Account(TOKEN, self.server.api_url)
        asked = len(self.server.calls_of("getUpdates"))
        running = asyncio.create_task(init(account, self.path, force=force, say=self.said.append, wait_s=wait_s))
        waiting = asyncio.create_task(self.server.wait_for("getUpdates", asked + 1))
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return running

    @property
    def code(self) -> str:
        found = re.search(r"\?start=([A-Z2-9]{10})\n", "\n".join(self.said))
        assert found is not None, self.said
        return found[1]


@pytest.fixture
def session(server: TelegramServer, tmp_path: Path) -> Session:
    return Session(server, tmp_path / "settings.toml")


async def test_the_chat_that_sends_the_code_becomes_the_owner(session: Session, server: TelegramServer) -> None:
    running = await session.begin()

    await server.push_text(OWNER, f"/start {session.code}")
    written = await running

    settings = load_settings(session.path, {})
    assert settings.telegram.token is not None
    assert settings.telegram.token.get_secret_value() == TOKEN
    assert settings.telegram.allowed_chats == (OWNER,)
    assert settings.telegram.api_url == server.api_url
    assert written == Written(session.path, OWNER, None)
    assert server.texts(OWNER) == ["This chat is now the owner's. Next, on the server: liqalert run"]
    assert session.said[-1] == f"User (chat {OWNER}) is the owner now."
    assert server.refused == []


async def test_link_and_code_are_shown_and_the_token_is_not(session: Session) -> None:
    running = await session.begin()

    said = "\n".join(session.said)
    assert "@standin_bot" in said
    assert f"  https://t.me/standin_bot?start={session.code}\n" in said
    assert f"/start {session.code}" in said
    assert TOKEN not in said
    await ended(running)


async def test_settings_can_be_read_by_their_owner_only(session: Session, server: TelegramServer) -> None:
    running = await session.begin()

    await server.push_text(OWNER, f"/start {session.code}")
    await running

    assert stat.S_IMODE(session.path.stat().st_mode) == 0o600
    assert [path.name for path in session.path.parent.iterdir()] == ["settings.toml"]


async def test_the_code_is_taken_in_small_letters_too(session: Session, server: TelegramServer) -> None:
    running = await session.begin()

    await server.push_text(OWNER, f"/start@standin_bot {session.code.lower()}")

    assert (await running).chat_id == OWNER


async def test_a_wrong_code_is_answered_and_enrols_nobody(session: Session, server: TelegramServer) -> None:
    running = await session.begin()

    for text in ("/start", "hello", "/start ABCDEFGHJK"):
        await server.push_text(STRANGER, text)
    assert await server.wait_for_texts(STRANGER) == ["This is not the code that liqalert init shows."]
    await server.push_text(OWNER, f"/start {session.code}")

    assert (await running).chat_id == OWNER


async def test_a_group_cannot_be_the_owner(session: Session, server: TelegramServer) -> None:
    running = await session.begin()

    await server.push_text(GROUP, f"/start {session.code}", user_id=OWNER)
    [answer] = await server.wait_for_texts(GROUP)
    assert not session.path.exists()
    await server.push_text(OWNER, f"/start {session.code}")

    assert "send this to me alone" in answer
    assert (await running).chat_id == OWNER


async def test_what_was_sent_before_does_not_count_and_what_was_taken_does_not_come_again(
    session: Session, server: TelegramServer
) -> None:
    await server.push_text(STRANGER, "/start ABCDEFGHJK")
    running = await session.begin()

    await server.push_text(OWNER, f"/start {session.code}")
    await running

    assert server.texts(STRANGER) == []
    last = server.calls_of("getUpdates")[-1].params
    assert (int(last["offset"]), int(last.get("timeout", 0))) == (1002, 0)


async def test_a_network_that_fails_for_a_while_is_waited_for(
    session: Session, server: TelegramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "PAUSE_S", 0.01)
    server.fail("getUpdates", Fault.drop(), Fault.bad_gateway(), Fault.refuse(429, "Too Many Requests", retry_after=1))
    running = await session.begin()

    await server.push_text(OWNER, f"/start {session.code}")

    assert (await running).chat_id == OWNER


async def test_an_answer_that_cannot_be_sent_changes_nothing(session: Session, server: TelegramServer) -> None:
    server.blocked.add(OWNER)
    running = await session.begin()

    await server.push_text(OWNER, f"/start {session.code}")

    assert (await running).chat_id == OWNER
    assert session.path.exists()


# ---------------------------------------------------------------- what stands in the way


async def test_settings_that_exist_are_kept_and_telegram_is_not_even_asked(
    session: Session, server: TelegramServer
) -> None:
    session.path.write_text("# mine\n")

    with pytest.raises(InitFailed, match=r"settings\.toml exists: give --force"):
        await init(Account(TOKEN, server.api_url), session.path, force=False, say=session.said.append)

    assert session.path.read_text() == "# mine\n"
    assert server.calls == []


async def test_force_keeps_what_stood_there(session: Session, server: TelegramServer) -> None:
    session.path.write_text("# mine\n")
    session.path.chmod(0o640)
    session.path.with_name("settings.toml.old").write_text("# older\n")
    running = await session.begin(force=True)

    await server.push_text(OWNER, f"/start {session.code}")
    written = await running

    kept = session.path.with_name("settings.toml.old")
    assert written.kept == kept
    assert kept.read_text() == "# mine\n"
    assert stat.S_IMODE(session.path.stat().st_mode) == 0o600
    assert load_settings(session.path, {}).telegram.allowed_chats == (OWNER,)


async def test_a_directory_that_does_not_exist_is_named_before_anything_is_asked(
    server: TelegramServer, tmp_path: Path
) -> None:
    with pytest.raises(InitFailed, match="missing cannot be written: give another place with --config FILE"):
        await init(Account(TOKEN, server.api_url), tmp_path / "missing/settings.toml", force=False, say=print)

    assert server.calls == []


async def test_a_token_that_telegram_does_not_know_is_refused(session: Session, server: TelegramServer) -> None:
    with pytest.raises(InitFailed, match="Telegram does not know this token"):
        await init(Account("654321:wrong", server.api_url), session.path, force=False, say=session.said.append)

    assert session.said == []
    assert not session.path.exists()


async def test_another_program_with_the_same_token_is_named(session: Session, server: TelegramServer) -> None:
    server.fail("getUpdates", Fault.refuse(409, "Conflict: terminated by other getUpdates request"))

    with pytest.raises(InitFailed, match="another program asks Telegram"):
        await (await session.begin())


async def test_a_code_that_nobody_sends_ends_it_without_settings(session: Session) -> None:
    running = await session.begin(wait_s=0.2)

    with pytest.raises(InitFailed, match="nobody has sent the code in time"):
        await running

    assert list(session.path.parent.iterdir()) == []


async def test_being_ended_while_it_waits_leaves_nothing_behind(session: Session) -> None:
    running = await session.begin()

    await ended(running)

    assert list(session.path.parent.iterdir()) == []


@pytest.mark.parametrize("fault", [Fault.drop(), Fault.bad_gateway(), Fault.refuse(401, f"Unauthorized {TOKEN}")])
async def test_no_failure_leaks_the_token(
    session: Session, server: TelegramServer, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    server.fail("getMe", fault)

    def act() -> Awaitable[object]:
        return init(Account(TOKEN, server.api_url), session.path, force=False, say=session.said.append)

    assert isinstance(await assert_leaks_no_secret(act, TOKEN, caplog), InitFailed)


# ---------------------------------------------------------------- the file


def test_a_token_that_is_kept_in_a_file_stays_there(tmp_path: Path) -> None:
    path = tmp_path / 'token "of" mine'
    path.write_text(TOKEN)
    text = settings_text(Account(TOKEN, "https://api.telegram.org", path), OWNER)
    tmp_path.joinpath("settings.toml").write_text(text)

    settings = load_settings(tmp_path / "settings.toml", {})

    assert TOKEN not in text
    assert settings.telegram.token is not None
    assert settings.telegram.token.get_secret_value() == TOKEN


def test_the_usual_address_of_telegram_does_not_stand_in_the_file() -> None:
    assert settings_text(Account("1:AA", "https://api.telegram.org"), OWNER) == (
        "# Written by `liqalert init`. settings.example.toml explains every key.\n"
        "\n"
        "[telegram]\n"
        'token = "1:AA"\n'
        "# The owner. `liqalert pair` enrols others without changing this file.\n"
        "allowed_chats = [4242]\n"
    )


def test_an_account_prints_without_its_token() -> None:
    assert "AAE" not in repr(Account(TOKEN, "https://api.telegram.org"))


async def ended(running: asyncio.Task[Written]) -> None:
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
