"""`liqalert pair` beside a server and beside a database."""

from __future__ import annotations

import asyncio
import re

import pytest

from liqalert.cli import main
from liqalert.ports import Role
from liqalert.storage.database import Database
from liqalert.storage.enrolment import Enrolments
from liqalert.web.access import Access
from liqalert.web.pairing import CannotPair
from tests.telegram_server import TOKEN, TelegramServer
from tests.web.pairing_rig import Offers, serving

pytestmark = pytest.mark.usefixtures("logs_as_they_are")


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
