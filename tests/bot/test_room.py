"""A group that asks for a lot leaves room for the alerts that may come."""

from __future__ import annotations

import math

import pytest

from liqalert.bot.room import ANSWERS
from liqalert.ports import Chat, Role
from liqalert.render.buttons import alert_buttons
from liqalert.render.text import CAPTION_LIMIT, bold, joined, split
from tests.bot.asking import answer
from tests.bot_fakes import REFUSED, Office
from tests.round_market import ADDRESS, STRANGER, alert_row
from tests.telegram_server import TelegramServer

pytestmark = pytest.mark.usefixtures("bot")
GROUP = -1001234
WAIT = (
    "That was a lot for one minute, and Telegram lets a bot post only so much in a group: the rest is kept for alerts. "
    "Ask again in {} s."
)
BUTTONS = {label: data for row in alert_buttons(alert_row().alert) for label, data in row}


@pytest.fixture(autouse=True)
def group(office: Office) -> None:
    office.chats.allowed[str(GROUP)] = Chat(3, "telegram", str(GROUP), Role.USER)


async def ask(server: TelegramServer, times: int, text: str = "/rules") -> list[str]:
    """A stranger asks so often in the group; what has been posted there, once all of it has been heard."""
    for _ in range(times):
        await server.push_text(GROUP, text, user_id=STRANGER)
    # Updates are taken one after the other.
    await answer(server, "/rules")
    return server.texts(GROUP)


async def test_twelve_answers_a_minute_and_then_one_sentence(server: TelegramServer, office: Office) -> None:
    posted = await ask(server, 30)
    office.clock.at += 47.5
    later = await ask(server, 3)
    office.clock.at += 12.5
    again = await ask(server, 1)

    assert len(posted) == ANSWERS + 1
    assert posted[-1] == WAIT.format(60)
    assert later == posted
    assert again[ANSWERS + 1 :] == posted[:1]


async def test_whoever_has_to_wait_again_is_told_again(server: TelegramServer, office: Office) -> None:
    await ask(server, 30)
    office.clock.at += 60.0

    posted = await ask(server, 30)

    assert posted[ANSWERS + 1 :] == posted[: ANSWERS + 1]


async def test_an_answer_in_parts_takes_as_much_room_as_it_has_parts(server: TelegramServer, office: Office) -> None:
    office.caption = joined([bold("A line of many.")] * 200)

    posted = await ask(server, 30, "/heatmap btc")

    parts = len(split(office.caption, CAPTION_LIMIT))
    answers = math.ceil(ANSWERS / parts)
    assert parts > 1
    assert len(posted) == answers * parts + 1
    assert posted[-1] == WAIT.format(60)


async def test_whoever_is_enrolled_in_person_is_answered_all_the_same(server: TelegramServer, office: Office) -> None:
    posted = len(await ask(server, 30))

    await server.push_text(GROUP, "/mute 2h", user_id=ADDRESS)

    assert (await server.wait_for_texts(GROUP, posted + 1))[posted].startswith("Everything is muted until")
    assert 3 in office.chats.muted


async def test_nobody_is_known_while_the_database_refuses(server: TelegramServer, office: Office) -> None:
    posted = await ask(server, 30)
    office.chats.broken = REFUSED

    await server.push_text(GROUP, "/rules", user_id=ADDRESS)
    await answer(server, "/help")

    assert server.texts(GROUP) == posted


async def test_talk_in_the_group_is_nothing_to_wait_for(server: TelegramServer) -> None:
    posted = await ask(server, ANSWERS)

    assert await ask(server, 1, "what do you all think?") == posted


async def test_buttons_take_room_and_say_when_there_is_none(server: TelegramServer) -> None:
    message = server._message(GROUP, "an alert")
    server.messages[GROUP, message["message_id"]] = message

    async def press(label: str, times: int, user_id: int) -> list[str]:
        before = len(server.calls_of("answerCallbackQuery"))
        for _ in range(times):
            await server.push_tap(GROUP, message["message_id"], BUTTONS[label], user_id=user_id)
        answered = await server.wait_for("answerCallbackQuery", before + times)
        return [str(each.params.get("text", "")) for each in answered[before:]]

    said = await press("Why", 14, STRANGER)
    muted = await press("Mute 1 h", 1, ADDRESS)

    assert said == [""] * ANSWERS + [WAIT.format(60)] * 2
    assert muted != said[-1:]
    assert len(server.texts(GROUP)) == 1 + ANSWERS


async def test_a_private_chat_is_always_answered(server: TelegramServer) -> None:
    for number in range(2 * ANSWERS):
        await server.push_text(ADDRESS, "/rules")
        await server.wait_for_texts(ADDRESS, number + 1)

    assert len(server.texts(ADDRESS)) == 2 * ANSWERS


async def test_a_clock_that_is_set_back_makes_nobody_wait(server: TelegramServer, office: Office) -> None:
    posted = await ask(server, 30)
    office.clock.at -= 3600.0

    assert len(await ask(server, 1)) == len(posted) + 1
