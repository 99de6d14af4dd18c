"""The bot's life against Telegram's failures: it never stops the daemon, and never is deaf without saying so."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from telegram.error import BadRequest, Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

from liqalert.bot.telegram_bot import TelegramBot, build_application, pause_s, problem_of, stops_alerts
from tests.bot.conftest import running_bot
from tests.bot_fakes import Office
from tests.round_market import ADDRESS, NOW
from tests.telegram_server import Fault, TelegramServer, telegram_server

CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"


async def until(true: Callable[[], object], timeout: float = 30.0) -> None:
    async with asyncio.timeout(timeout):
        while not true():
            await asyncio.sleep(0.005)


async def answered(server: TelegramServer) -> str:
    """The next answer to /rules; the bot is then polling again."""
    before = len(server.texts(ADDRESS))
    await server.push_text(ADDRESS, "/rules")
    return (await server.wait_for_texts(ADDRESS, before + 1))[before]


async def test_the_time_of_the_last_answered_poll_is_known(bot: TelegramBot, server: TelegramServer) -> None:
    assert bot.polled_at is None

    await server.push_text(ADDRESS, "/rules")
    await server.wait_for_texts(ADDRESS)

    assert bot.polled_at == NOW
    assert bot.problem is None


async def test_a_refused_token_at_start_is_said_without_showing_it(
    server: TelegramServer, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "liqalert")
    async with running_bot(server, office, token="123456:AAE-wrong_token") as bot:
        await until(lambda: bot.problem)

        assert bot.problem == (
            "Telegram refuses the bot token: neither commands nor alerts get through. "
            "Put the token from @BotFather in telegram.token and restart liqalert."
        )
        assert bot.polled_at is None
        assert bot.cut_off_since == NOW
    assert "AAE-wrong_token" not in "".join(r.getMessage() + str(r.__dict__) for r in caplog.records if "liq" in r.name)


async def test_a_token_of_the_wrong_form_is_said_too(server: TelegramServer, office: Office) -> None:
    async with running_bot(server, office, token="garbage") as bot:
        await until(lambda: bot.problem)

        assert "refuses the bot token" in str(bot.problem)


async def test_a_401_while_polling_is_noticed_and_outlived(
    server: TelegramServer, office: Office, bot: TelegramBot
) -> None:
    await answered(server)
    server.fail("getUpdates", Fault.refuse(401, "Unauthorized"), Fault.refuse(401, "Unauthorized"))
    await answered(server)
    await until(lambda: bot.problem)
    office.clock.at += 500.0

    assert "refuses the bot token" in str(bot.problem)
    assert bot.polled_at == NOW

    await answered(server)
    await until(lambda: bot.problem is None)
    assert bot.polled_at == NOW + 500.0


async def test_another_poller_ends_commands_and_not_sending(server: TelegramServer, office: Office) -> None:
    application = build_application(server.token, server.api_url)
    bot = TelegramBot(application, office.desk, poll_s=1, pace=0.01)
    server.fail("getUpdates", *[Fault.refuse(409, CONFLICT)] * 3)
    await bot.start()
    try:
        await until(lambda: bot.problem)
        assert "commands are not answered, alerts are still sent" in str(bot.problem)
        assert bot.cut_off_since is None

        await application.bot.send_message(ADDRESS, "an alert")
        assert server.texts(ADDRESS) == ["an alert"]

        await until(lambda: bot.problem is None)
    finally:
        await bot.stop()


async def test_start_returns_at_once_while_telegram_is_away_and_the_bot_comes_later(office: Office) -> None:
    async with telegram_server() as server:
        port = server.port
        await server.stop()
        begun = time.monotonic()
        async with running_bot(server, office) as bot:
            assert time.monotonic() - begun < 0.5
            await until(lambda: bot.problem)
            assert str(bot.problem).startswith("Telegram cannot be reached (")

            await server.start(port)
            await server.push_text(ADDRESS, "/rules")
            await server.wait_for_texts(ADDRESS)
            await until(lambda: bot.problem is None)


async def test_telegram_goes_away_and_comes_back(server: TelegramServer, bot: TelegramBot) -> None:
    await answered(server)
    port = server.port
    assert bot.cut_off_since is None
    await server.stop()
    await until(lambda: bot.problem)
    assert bot.cut_off_since == NOW

    await server.start(port)

    assert (await answered(server)).startswith("This chat is told")
    await until(lambda: bot.problem is None)
    assert bot.cut_off_since is None


@pytest.mark.parametrize("fault", [Fault.drop(), Fault.truncate(), Fault.bad_gateway()])
@pytest.mark.usefixtures("bot")
async def test_one_broken_poll_is_no_problem_worth_saying(
    server: TelegramServer, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    await answered(server)
    server.fail("getUpdates", fault)
    await answered(server)
    polls = len(server.calls_of("getUpdates"))
    await server.wait_for("getUpdates", polls + 1)

    assert (await answered(server)).startswith("This chat is told")
    assert "bot in trouble" not in caplog.text


async def test_an_answer_that_cannot_be_read_is_said_and_asked_for_again(
    server: TelegramServer, bot: TelegramBot
) -> None:
    await server._push({"message": {"text": "without id, date and chat"}})

    await until(lambda: bot.problem)
    server._updates.clear()

    assert "its answer cannot be read" in str(bot.problem)
    assert (await answered(server)).startswith("This chat is told")
    await until(lambda: bot.problem is None)


async def test_an_error_of_ours_that_ends_the_bot_is_said(
    server: TelegramServer, office: Office, bot: TelegramBot, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> float:
        raise ZeroDivisionError("our mistake")

    await answered(server)
    office.clock.now = broken  # type: ignore[method-assign]
    await server.push_text(ADDRESS, "/help")

    await until(lambda: bot.problem)
    assert str(bot.problem).startswith("The bot has stopped by an error in liqalert")
    assert "our mistake" in caplog.text


async def test_what_was_answered_is_not_answered_again_after_a_restart(server: TelegramServer, office: Office) -> None:
    async with running_bot(server, office):
        await server.push_text(ADDRESS, "/rules")
        await server.wait_for_texts(ADDRESS)
    async with running_bot(server, office):
        await server.push_text(ADDRESS, "/help")
        texts = await server.wait_for_texts(ADDRESS, 2)

    assert [text.split()[0] for text in texts] == ["This", "liqalert"]
    assert len(server.texts(ADDRESS)) == 2


async def test_stop_is_quick_though_telegram_is_away(office: Office) -> None:
    async with telegram_server() as server, running_bot(server, office):
        await answered(server)
        await server.stop()
        begun = time.monotonic()
    assert time.monotonic() - begun < 2.0


@pytest.mark.usefixtures("bot")
async def test_the_updates_wanted_are_named(server: TelegramServer) -> None:
    """Telegram otherwise goes on with what an earlier program asked for."""
    await server.wait_for("getUpdates")

    assert '"message"' in server.calls_of("getUpdates")[0].params["allowed_updates"]
    assert len(server.calls_of("deleteWebhook")) == 1
    assert server.refused == []


@pytest.mark.parametrize(
    ("error", "failures", "pause"),
    [
        (NetworkError("x"), 1, 1.0),
        (NetworkError("x"), 3, 4.0),
        (TimedOut(), 50, 30.0),
        (TimeoutError(), 1, 1.0),
        (Conflict("x"), 9, 10.0),
        (InvalidToken(), 1, 30.0),
        (InvalidToken(), 50, 300.0),
    ],
)
def test_pauses_grow_to_a_bound(error: NetworkError | TimeoutError, failures: int, pause: float) -> None:
    assert pause_s(error, failures) == pause


def test_a_request_to_wait_is_obeyed_in_either_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    error = RetryAfter(timedelta(seconds=3))

    assert pause_s(error, 1) == 3.5
    assert problem_of(error, 1) is None
    assert not stops_alerts(error)


@pytest.mark.parametrize(
    ("error", "stops"),
    [
        (InvalidToken("refused"), True),
        (NetworkError("Bad Gateway"), True),
        (TimedOut(), True),
        (TimeoutError(), True),
        (Conflict("another program asks"), False),
        (BadRequest("this server knows no such method"), False),
        (TelegramError("its answer cannot be read"), False),
    ],
)
def test_alerts_are_stopped_by_what_they_meet_too(error: TelegramError | TimeoutError, stops: bool) -> None:
    assert stops_alerts(error) is stops
