"""Buttons under alerts and in the menu of /settings, over a real socket."""

from __future__ import annotations

import pytest

from liqalert.bot import sending
from liqalert.bot.presses import OLD
from liqalert.bot.pressing import NOT_ALLOWED, NOT_IN_CHANNEL
from liqalert.core.rules import RuleKind
from liqalert.ports import Chat, Loudness, Mute, QuietHours, Role
from liqalert.render.buttons import alert_buttons
from tests.bot_fakes import Office
from tests.round_market import ADDRESS, BTC, ETH, HOUR, NOW, STRANGER, alert_row
from tests.telegram_server import Fault, TelegramServer

pytestmark = pytest.mark.usefixtures("bot")
GROUP = -1001234
CHANNEL = -1005678
ALERT = alert_row().alert
BUTTONS = {label: data for row in alert_buttons(ALERT) for label, data in row}


async def tap(server: TelegramServer, data: str, *, chat_id: int = ADDRESS, user_id: int | None = None) -> str:
    """Presses a button under a message of the bot's; what the press is answered with."""
    message = server._message(chat_id, "an alert")
    if chat_id == CHANNEL:
        message["chat"]["type"] = "channel"
    server.messages[chat_id, message["message_id"]] = message
    before = len(server.calls_of("answerCallbackQuery"))
    await server.push_tap(chat_id, message["message_id"], data, user_id=user_id)
    answered = (await server.wait_for("answerCallbackQuery", before + 1))[before]
    return str(answered.params.get("text", ""))


async def menu_of(server: TelegramServer, chat_id: int = ADDRESS) -> tuple[int, dict[str, str]]:
    """Asks for /settings; the menu's message and its buttons by label."""
    before = len(server.texts(chat_id))
    await server.push_text(chat_id, "/settings")
    await server.wait_for_texts(chat_id, before + 1)
    return buttons_of(server, chat_id)


def buttons_of(server: TelegramServer, chat_id: int = ADDRESS) -> tuple[int, dict[str, str]]:
    number, message = [(key[1], each) for key, each in server.messages.items() if key[0] == chat_id][-1]
    rows = message["reply_markup"]["inline_keyboard"]
    return number, {button["text"]: button["callback_data"] for row in rows for button in row}


async def press(server: TelegramServer, label: str) -> dict[str, str]:
    """Presses a button of the menu; the buttons that stand there then."""
    number, buttons = buttons_of(server)
    edits = len(server.calls_of("editMessageText"))
    await server.push_tap(ADDRESS, number, buttons[label])
    await server.wait_for("editMessageText", edits + 1)
    return buttons_of(server)[1]


# ---------------------------------------------------------------- under an alert


async def test_mute_silences_the_instrument_for_an_hour(server: TelegramServer, office: Office) -> None:
    assert await tap(server, BUTTONS["Mute 1 h"]) == "BTCUSDT is muted for 1 h. /unmute ends it."

    assert [(mute.instrument, mute.until) for mute in office.chats.muted[1]] == [(BTC, NOW + HOUR)]


@pytest.mark.parametrize(
    ("muted", "notice"),
    [
        (
            Mute(BTC, NOW + 12 * HOUR),
            "BTCUSDT is muted already, until 24 Nov 02:05 UTC (for 12 h). /unmute ends it.",
        ),
        (Mute(None, NOW + 2 * HOUR), "Everything is muted already, until 16:05 UTC (for 2 h). /unmute ends it."),
    ],
)
async def test_mute_cuts_no_longer_mute_short(server: TelegramServer, office: Office, muted: Mute, notice: str) -> None:
    office.chats.muted[1] = [muted]

    assert await tap(server, BUTTONS["Mute 1 h"]) == notice
    assert office.chats.muted[1] == [muted]


async def test_mute_goes_before_a_shorter_one_and_those_of_others(server: TelegramServer, office: Office) -> None:
    others = [Mute(BTC, NOW + HOUR / 2), Mute(ETH, NOW + 12 * HOUR)]
    office.chats.muted[1] = [*others]

    assert await tap(server, BUTTONS["Mute 1 h"]) == "BTCUSDT is muted for 1 h. /unmute ends it."
    assert office.chats.muted[1] == [*others, Mute(BTC, NOW + HOUR)]


async def test_ack_does_not_say_that_an_episode_has_ended_which_has_not(server: TelegramServer, office: Office) -> None:
    """A chat that has changed its distance holds another rule than the alert's."""
    office.chats.held.clear()

    assert await tap(server, BUTTONS["Ack"]) == (
        "Nothing to acknowledge: this episode has ended, or this chat no longer has the rule of this alert."
    )


async def test_a_chat_in_which_a_button_is_pressed_is_alive_again(server: TelegramServer, office: Office) -> None:
    office.chats.allowed[str(ADDRESS)] = Chat(1, "telegram", str(ADDRESS), Role.USER, dead_since=NOW - HOUR)
    await tap(server, BUTTONS["Mute 1 h"])

    assert office.chats.revived == [1]
    assert office.changes == 1


async def test_a_press_is_answered_at_the_second_try(
    server: TelegramServer, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SECOND_TRY_S", 0.01)
    server.fail("answerCallbackQuery", Fault.bad_gateway())
    await tap(server, BUTTONS["Mute 1 h"])

    answered = (await server.wait_for("answerCallbackQuery", 2))[1]

    assert answered.params["text"] == "BTCUSDT is muted for 1 h. /unmute ends it."
    assert len(office.chats.muted[1]) == 1


async def test_ack_acknowledges_the_episode(server: TelegramServer, office: Office) -> None:
    assert (await tap(server, BUTTONS["Ack"])).startswith("Acknowledged")

    assert office.chats.acknowledged == [(1, ALERT.id)]


@pytest.mark.parametrize(("label", "begins"), [("Why", "Alert ab12cd34: BTCUSDT"), ("Chart", "BTCUSDT, 24h")])
async def test_what_is_asked_by_a_button_comes_as_a_message(server: TelegramServer, label: str, begins: str) -> None:
    await tap(server, BUTTONS[label])

    assert (await server.wait_for_texts(ADDRESS, 2))[1].startswith(begins)


@pytest.mark.parametrize(
    "data", ["0:mute:ab12cd34", "1:mute:gone0000", "1:dance:ab12cd34", "1:mute", "1:set:kinds:x:y"]
)
async def test_an_old_button_gets_a_clear_answer(server: TelegramServer, office: Office, data: str) -> None:
    assert await tap(server, data) == OLD

    assert office.chats.muted == {}


async def test_a_stranger_changes_nothing(server: TelegramServer, office: Office) -> None:
    assert await tap(server, BUTTONS["Mute 1 h"], chat_id=STRANGER) == NOT_ALLOWED

    assert office.chats.muted == {}
    assert server.texts(STRANGER) == ["an alert"]


@pytest.mark.parametrize(("user_id", "changed"), [(STRANGER, False), (ADDRESS, True)])
async def test_in_a_group_only_who_is_enrolled_in_person_changes_anything(
    server: TelegramServer, office: Office, user_id: int, changed: bool
) -> None:
    office.chats.allowed[str(GROUP)] = Chat(3, "telegram", str(GROUP), Role.USER)

    answer = await tap(server, BUTTONS["Mute 1 h"], chat_id=GROUP, user_id=user_id)

    assert (answer != NOT_ALLOWED) is changed
    assert (3 in office.chats.muted) is changed


@pytest.mark.parametrize("label", ["Why", "Chart"])
async def test_in_a_channel_only_who_is_enrolled_in_person_makes_the_bot_post(
    server: TelegramServer, office: Office, label: str
) -> None:
    office.chats.allowed[str(CHANNEL)] = Chat(3, "telegram", str(CHANNEL), Role.USER)
    office.chats.allowed[str(ADDRESS)] = Chat(1, "telegram", str(ADDRESS), Role.READER)

    said = await tap(server, BUTTONS[label], chat_id=CHANNEL, user_id=STRANGER)
    await server.push_text(ADDRESS, "/rules")
    await server.wait_for_texts(ADDRESS)
    assert server.texts(CHANNEL) == ["an alert"]
    assert said == NOT_IN_CHANNEL

    await tap(server, BUTTONS[label], chat_id=CHANNEL, user_id=ADDRESS)
    assert len(await server.wait_for_texts(CHANNEL, 3)) == 3


async def test_in_a_group_whoever_is_in_it_may_ask(server: TelegramServer, office: Office) -> None:
    office.chats.allowed[str(GROUP)] = Chat(3, "telegram", str(GROUP), Role.USER)

    await tap(server, BUTTONS["Why"], chat_id=GROUP, user_id=STRANGER)

    assert (await server.wait_for_texts(GROUP, 2))[1].startswith("Alert ab12cd34")


async def test_a_reader_may_ask_and_not_change(server: TelegramServer, office: Office) -> None:
    office.chats.allowed[str(ADDRESS)] = Chat(1, "telegram", str(ADDRESS), Role.READER)

    assert await tap(server, BUTTONS["Mute 1 h"]) == NOT_ALLOWED
    await tap(server, BUTTONS["Why"])
    assert (await server.wait_for_texts(ADDRESS, 3))[2].startswith("Alert ab12cd34")
    await server.push_text(ADDRESS, "/mute 2h")
    assert "enrolled as reader" in (await server.wait_for_texts(ADDRESS, 4))[3]
    assert office.chats.muted == {}


# ---------------------------------------------------------------- /settings


async def test_settings_shows_what_holds_and_is_edited_in_place(server: TelegramServer, office: Office) -> None:
    await menu_of(server)
    assert server.texts(ADDRESS)[-1].splitlines()[1:4] == [
        "Told: near (loud)",
        "Default distance 1 %, default strength 0.6",
        "Quiet hours: none",
    ]

    await press(server, "Distance")
    chosen = await press(server, "0.5 %")

    assert "✓ 0.5 %" in chosen
    assert office.chats.allowed[str(ADDRESS)].preferences.distance_pct == 0.5
    assert office.changes == 1
    assert len(server.texts(ADDRESS)) == 1


async def test_kinds_are_switched_and_made_silent(server: TelegramServer, office: Office) -> None:
    await menu_of(server)
    await press(server, "What and how loud")
    number, _ = buttons_of(server)

    for data in ("1:set:kinds:cascade:silent", "1:set:kinds:near:always"):
        edits = len(server.calls_of("editMessageText"))
        await server.push_tap(ADDRESS, number, data)
        await server.wait_for("editMessageText", edits + 1)

    preferences = office.chats.allowed[str(ADDRESS)].preferences
    assert preferences.loudness == ((RuleKind.CASCADE, Loudness.SILENT), (RuleKind.NEAR, Loudness.ALWAYS))


async def test_quiet_hours_and_numbers_by_button(server: TelegramServer, office: Office) -> None:
    await menu_of(server)
    await press(server, "Quiet hours")
    await press(server, "23:00-07:00")
    await press(server, "« Back")
    await press(server, "Numbers")
    await press(server, "1.234,5")

    preferences = office.chats.allowed[str(ADDRESS)].preferences
    assert preferences.quiet == QuietHours(23 * 60, 7 * 60, "UTC")
    assert preferences.numbers == "1.234,5"
    # What was held for the end of earlier ones is looked at anew, by the change of quiet hours alone.
    assert office.wakes == 1
