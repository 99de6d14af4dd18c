from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from liqalert.cli import main
from tests.web.rig import Rig, serving


@pytest.fixture
async def daemon(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    rig = Rig()
    async with serving(rig) as client:
        monkeypatch.setenv("LIQALERT_WEB__PORT", str(client.port))
        yield rig


@pytest.mark.parametrize(("line", "chat"), [("alert test", None), ("alert test --chat -1001", "-1001")])
async def test_daemon_is_asked_to_send(
    daemon: Rig, line: str, chat: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(main, line.split()) == 0

    assert daemon.tested_chats == [chat]
    assert "`liqalert why t-1`" in capsys.readouterr().out


async def test_chat_that_is_not_allowed_is_a_problem(daemon: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert await asyncio.to_thread(main, ["alert", "test", "--chat", "404"]) == 1

    assert "404 is not in telegram.allowed_chats." in capsys.readouterr().err


def test_without_a_daemon_nothing_is_sent_and_it_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alert", "test"]) == 1

    assert "start it with `liqalert run`" in capsys.readouterr().err
