"""Each command over a real socket: what the person types, what comes back, what has changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from liqalert.bot.commands import BUTTONS, COMMANDS
from liqalert.bot.telegram_bot import TelegramBot
from liqalert.core.market import Gap, Stream
from liqalert.ports import Chat, Role
from liqalert.render.buttons import alert_buttons
from liqalert.render.status import StatusFacts
from liqalert.render.text import Text
from tests.bot.asking import answer
from tests.bot_fakes import REFUSED, Office
from tests.round_market import ADDRESS, ALIVE, DEAD, HOUR, NOW, OWNER_ADDRESS, alert_row
from tests.telegram_server import TelegramServer

pytestmark = pytest.mark.usefixtures("bot")
GROUP = -1001234


async def test_the_menu_lists_every_command_but_start(server: TelegramServer) -> None:
    await server.wait_for("getUpdates")

    assert [command["command"] for command in server.commands] == [
        "clusters",
        "heatmap",
        "watch",
        "unwatch",
        "rules",
        "alerts",
        "why",
        "mute",
        "unmute",
        "quiet",
        "settings",
        "status",
        "test",
        "chats",
        "remove",
        "help",
    ]


async def test_start_and_help_list_every_command(server: TelegramServer) -> None:
    start, help_ = await answer(server, "/start"), await answer(server, "/help")

    assert start == help_
    assert all(f"/{name}" in help_ for name in COMMANDS)
    assert all(f"• {label}: {does}" in help_.splitlines() for label, does in BUTTONS.items())
    assert "/watch SYMBOL|all [DISTANCE%] [STRENGTH]: be told when price nears a zone" in help_


def test_the_table_names_the_very_buttons_of_an_alert() -> None:
    rows = alert_buttons(alert_row().alert)

    assert [label for row in rows for label, _ in row] == list(BUTTONS)


async def test_clusters_of_the_watched_symbols(server: TelegramServer) -> None:
    text = await answer(server, "/clusters")

    assert text.index("BTCUSDT: mark 60,000") < text.index("ETHUSDT: mark 3,000")
    assert "2 other instruments have a cluster of strength 0.6 or more: 1000PEPEUSDT 0.82" in text


@pytest.mark.parametrize("spelling", ["BTCUSDT", "btc", "BTC/USDT", "BTC/USDT:USDT"])
async def test_clusters_of_one_symbol_in_each_spelling(server: TelegramServer, spelling: str) -> None:
    text = await answer(server, f"/clusters {spelling}")

    assert "• liquidated longs 59,000 to 59,500: 0.83 % below the mark" in text
    assert "ETHUSDT" not in text


async def test_clusters_of_a_symbol_that_is_not_ascii(server: TelegramServer) -> None:
    assert "币安人生USDT: mark 0.5" in await answer(server, "/clusters 币安人生")


async def test_an_unknown_symbol_is_answered_with_the_nearest(server: TelegramServer) -> None:
    assert await answer(server, "/clusters BTX") == (
        "No instrument is called BTX. The nearest: BTCUSDT. Example: /clusters BTCUSDT"
    )


async def test_an_unknown_symbol_like_nothing_else(server: TelegramServer) -> None:
    text = await answer(server, f"/watch <b>{'q' * 3000}")

    assert text.startswith("No instrument is called <b>qqqq")
    assert len(text) < 200


async def test_clusters_while_the_feed_is_dead_says_so_first(server: TelegramServer, office: Office) -> None:
    office.board.feed_changed(DEAD)

    assert (await answer(server, "/clusters")).startswith("Feed binance is not alive since 14:02 UTC (3 min ago).")


async def test_every_answer_carries_the_board_s_warnings(server: TelegramServer, office: Office) -> None:
    office.board.warnings = ("not recorded: database unwritable",)

    for command in ("/clusters", "/rules", "/help"):
        assert (await answer(server, command)).startswith("not recorded: database unwritable\n")


async def test_rules(server: TelegramServer) -> None:
    assert "• BTCUSDT within 1 %, strength at least 0.6 (default)" in await answer(server, "/rules")


async def test_alerts(server: TelegramServer) -> None:
    assert "ab12cd34\n  near, 59,100 to 59,400, then swept" in await answer(server, "/alerts")


async def test_as_many_alerts_as_asked_for(server: TelegramServer) -> None:
    assert "ab12cd34" in await answer(server, "/alerts 200")


@pytest.mark.parametrize(
    "typed", ["/alerts 0", "/alerts 201", "/alerts ten", "/alerts 1 2", "/alerts ²", "/alerts 000002" + "0" * 30]
)
async def test_a_count_of_alerts_that_makes_no_sense_gets_an_example(server: TelegramServer, typed: str) -> None:
    said = await answer(server, typed)

    assert said == "/alerts takes a number from 1 to 200, or none. Example: /alerts 30"


async def test_answers_write_numbers_as_the_chat_wants_them(server: TelegramServer, office: Office) -> None:
    chat = office.chats.allowed[str(ADDRESS)]
    office.chats.allowed[str(ADDRESS)] = replace(chat, preferences=replace(chat.preferences, numbers="1.234,5"))

    assert "• BTCUSDT within 0,8 %, strength at least 0,7" in await answer(server, "/watch btc 0,8% 0,7")
    assert "within 0,8 %" in await answer(server, "/unwatch eth")
    assert "Default distance 1 %, default strength 0,6" in await answer(server, "/settings")


async def test_why_shows_addresses_to_the_owner_only(server: TelegramServer) -> None:
    assert "telegram, 77: sent" in await answer(server, "/why AB12CD34", OWNER_ADDRESS)
    assert "another chat: late" in await answer(server, "/why ab12cd34")


async def test_why_knows_of_a_gap_that_lasts_still(server: TelegramServer, office: Office) -> None:
    mute = Gap("binance", NOW - 24 * HOUR, None, "none came", Stream.LIQUIDATIONS)
    office.board.feed_changed(replace(ALIVE, gaps=(mute,)))

    assert "Gap: no liquidations seen from 22 Nov 14:05 UTC" in await answer(server, "/why ab12cd34")


async def test_why_shows_no_addresses_in_a_group_that_is_the_owners(server: TelegramServer, office: Office) -> None:
    office.chats.allowed["-100123"] = Chat(7, "telegram", "-100123", Role.OWNER)

    assert "another chat: late" in await answer(server, "/why ab12cd34", -100123)


async def test_why_of_an_unknown_alert(server: TelegramServer) -> None:
    assert await answer(server, "/why zz") == "No alert has the id zz. /alerts lists the last ones with their ids."


async def test_status(server: TelegramServer, office: Office) -> None:
    office.facts = StatusFacts("9.9.9", office.clock.at, "sqlite, writable", 0)

    assert (await answer(server, "/status")).startswith("liqalert 9.9.9, up 0 s, times in UTC\nFeed binance: alive")


async def test_status_names_what_is_muted_here(server: TelegramServer, office: Office) -> None:
    await answer(server, "/mute btc 2h")

    assert "Muted: BTCUSDT until 16:05 UTC (for 2 h)" in (await answer(server, "/status")).splitlines()


async def test_status_answers_while_the_database_refuses(server: TelegramServer, office: Office) -> None:
    await answer(server, "/status")
    office.chats.broken = REFUSED

    assert "Feed binance: alive" in await answer(server, "/status")


async def test_test_is_decided_for_the_asking_chat(server: TelegramServer, office: Office) -> None:
    text = await answer(server, "/test", OWNER_ADDRESS)

    assert text.startswith("Test alert testtest is on its way")
    assert office.tested == [2]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("/clusters btc eth", "/clusters takes one symbol, or none. Example: /clusters BTC"),
        ("/unwatch", "/unwatch takes one symbol, or all. Example: /unwatch BTC"),
        ("/unwatch btc eth", "/unwatch takes one symbol, or all. Example: /unwatch BTC"),
        ("/why", "/why takes the id of one alert; /alerts lists them. Example: /why ab12cd34"),
        ("/watch", "/watch needs a symbol first, or all. Example: /watch BTC 0.8% 0.7"),
        ("/watch btc nan%", "nan% is not a number. Example: /watch BTC 0.8% 0.7"),
        ("/cluster", "There is no command /cluster. Example: /clusters"),
        ("/", "There is no command /. Example: /help"),
        ("btc", "Commands begin with a slash. Example: /clusters BTC"),
    ],
)
async def test_what_makes_no_sense_is_answered_with_an_example(server: TelegramServer, typed: str, said: str) -> None:
    assert await answer(server, typed) == said


async def test_a_group_may_address_the_bot_by_name(server: TelegramServer, office: Office) -> None:
    office.chats.allowed[str(GROUP)] = replace(office.chats.allowed[str(ADDRESS)], address=str(GROUP))

    assert "BTCUSDT: mark 60,000" in await answer(server, "/clusters@standin_bot btc", GROUP)


async def test_talk_in_a_group_and_commands_for_other_bots_are_left_alone(
    server: TelegramServer, office: Office
) -> None:
    office.chats.allowed[str(GROUP)] = replace(office.chats.allowed[str(ADDRESS)], address=str(GROUP))
    for text in ("good morning", "/clusters@other_bot", "/price btc"):
        await server.push_text(GROUP, text)

    assert (await answer(server, "/nonsense@standin_bot", GROUP)).startswith("There is no command /nonsense.")
    assert len(server.texts(GROUP)) == 1


@pytest.mark.parametrize("command", ["/rules", "/watch btc", "/unwatch btc"])
async def test_a_refusing_database_is_said_in_a_sentence(server: TelegramServer, office: Office, command: str) -> None:
    await answer(server, "/help")
    office.chats.broken = REFUSED

    assert await answer(server, command) == (
        "liqalert cannot do this now: reading chats from sqlite liqalert.db: disk I/O error\n"
        "/clusters and /help work without the database."
    )


async def test_clusters_works_while_the_database_refuses(server: TelegramServer, office: Office) -> None:
    await answer(server, "/help")
    office.chats.broken = REFUSED

    assert "BTCUSDT: mark 60,000" in await answer(server, "/clusters btc")


async def test_an_error_of_ours_becomes_one_plain_sentence_and_a_log_entry(
    server: TelegramServer, office: Office, bot: TelegramBot, caplog: pytest.LogCaptureFixture
) -> None:
    office.alerts.broken = ZeroDivisionError("our mistake")

    text = await answer(server, "/alerts")

    assert text == "liqalert failed to answer this; the reason is in its log."
    assert "our mistake" in caplog.text
    assert "BTCUSDT" in await answer(server, "/rules")
    assert bot.problem is None


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("/heatmap", ("BTCUSDT", "24h")),
        ("/heatmap eth", ("ETHUSDT", "24h")),
        ("/heatmap 7d", ("BTCUSDT", "7d")),
        ("/heatmap ETH/USDT 1H", ("ETHUSDT", "1h")),
        ("/heatmap 4h btc", ("BTCUSDT", "4h")),
    ],
)
async def test_heatmap_is_a_picture_whose_caption_carries_the_numbers(
    server: TelegramServer, office: Office, asked: str, shown: tuple[str, str]
) -> None:
    await server.push_text(ADDRESS, asked)

    [sent] = await server.wait_for("sendPhoto")
    assert [(instrument.symbol, name) for instrument, name in office.pictured] == [shown]
    assert sent.params["caption"] == f"<b>{shown[0]}, {shown[1]}</b>"


@pytest.mark.parametrize("asked", ["/heatmap 1h 4h", "/heatmap BTC ETH", "/heatmap 2y"])
async def test_a_heatmap_that_cannot_be_is_answered_with_an_example(server: TelegramServer, asked: str) -> None:
    await server.push_text(ADDRESS, asked)

    [answer] = await server.wait_for_texts(ADDRESS)
    assert "heatmap" in answer


async def test_what_a_caption_has_no_room_for_comes_behind_it(server: TelegramServer, office: Office) -> None:
    office.caption = Text("\n".join(["<b>line</b>"] * 300), "\n".join(["line"] * 300))
    await server.push_text(ADDRESS, "/heatmap")

    await server.wait_for("sendPhoto")
    [caption, *rest] = await server.wait_for_texts(ADDRESS, 4)

    assert len(caption) <= 1024
    assert "\n".join([caption, *rest]).count("line") == 300
