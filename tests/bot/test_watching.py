"""/watch and /unwatch."""

from __future__ import annotations

from dataclasses import replace

import pytest

from liqalert.core.market import Instrument
from liqalert.core.rules import Rule, RuleKind
from tests.bot.asking import answer
from tests.bot_fakes import Office
from tests.round_market import BTC, EMPTY, RULE, SOL
from tests.telegram_server import TelegramServer

pytestmark = pytest.mark.usefixtures("bot")


async def test_watch_makes_a_rule_and_tells_the_engine(server: TelegramServer, office: Office) -> None:
    text = await answer(server, "/watch sol 0.8% 0.7")

    assert text == "This chat is now told:\n• SOLUSDT within 0.8 %, strength at least 0.7"
    assert office.chats.held[1][SOL].rule == Rule(RuleKind.NEAR, SOL, 0.8, 0.7)
    assert office.changes == 1


async def test_watch_without_numbers_takes_the_defaults(server: TelegramServer, office: Office) -> None:
    await answer(server, "/watch all")

    assert office.chats.held[1][None].rule == Rule(RuleKind.NEAR, None, 1.0, 0.6)


async def test_watch_before_anything_was_seen_makes_the_likely_rule(server: TelegramServer, office: Office) -> None:
    office.board.snapshot = EMPTY

    text = await answer(server, "/watch sol/usdt")

    assert "SOLUSDT has not been seen yet: no mark price of it has arrived." in text
    assert office.chats.held[1][SOL].rule == Rule(RuleKind.NEAR, SOL, 1.0, 0.6)


@pytest.mark.usefixtures("bot")
async def test_watch_all_names_what_it_does_not_hold_for(server: TelegramServer) -> None:
    await answer(server, "/watch sol 2%")
    await answer(server, "/watch btc 0.8%")

    text = await answer(server, "/watch all 3%")

    assert text.splitlines() == [
        "This chat is now told:",
        "• any symbol within 3 %, strength at least 0.6",
        "Not for BTCUSDT, SOLUSDT, for which it has rules of its own: /rules lists them.",
    ]


async def test_unwatch_stops_a_rule_and_shows_what_is_left(server: TelegramServer, office: Office) -> None:
    await answer(server, "/watch all 1% 0.9")

    text = await answer(server, "/unwatch btc")

    assert text == (
        "Stopped: no more alerts by a rule for BTCUSDT.\n"
        "It is still told:\n"
        "• any symbol within 1 %, strength at least 0.9"
    )
    assert BTC not in office.chats.held[1]
    assert office.changes == 2


async def test_unwatch_all_stops_the_rule_for_all_and_leaves_the_others(server: TelegramServer) -> None:
    await answer(server, "/watch all")

    text = await answer(server, "/unwatch all")

    assert text.startswith("Stopped: no more alerts by a rule for all instruments together.")
    assert "• BTCUSDT within 1 %, strength at least 0.6 (default)" in text


async def test_unwatch_of_what_was_not_watched(server: TelegramServer) -> None:
    assert (await answer(server, "/unwatch eth")).startswith("This chat has no rule for ETHUSDT.")


async def test_the_last_rule_gone_is_said_plainly(server: TelegramServer) -> None:
    assert "It is told nothing now." in await answer(server, "/unwatch btc")


async def test_the_rule_a_chat_holds_can_be_stopped_though_its_symbol_was_never_seen(
    server: TelegramServer, office: Office
) -> None:
    gone = Instrument("binance", "GONEUSDT")
    await office.chats.subscribe(1, [replace(RULE, instrument=gone)], office.clock.at)

    assert (await answer(server, "/unwatch gone")).startswith("Stopped: no more alerts by a rule for GONEUSDT.")
