"""Whatever a person types or a button sends back, there is an answer or a plain refusal, and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.bot.arguments import CannotAnswer, words_of
from liqalert.bot.commands import COMMANDS, command_named
from liqalert.bot.desk import Asked
from liqalert.bot.presses import OLD, Pressed, do
from liqalert.bot.settings_menu import changed
from liqalert.ports import Chat, Preferences, QuietHours, Role
from liqalert.render import menu
from liqalert.render.callbacks import LIMIT, VERSION, callback_data, press_of
from tests.bot_fakes import Office
from tests.mutations import ODD_TEXTS, kept
from tests.round_market import ADDRESS, OWNER_ADDRESS, alert_row

ALERT = alert_row().alert.id
TYPED = ("BTC", "btcusdt", "all", "1%", "0.7", "2h", "30d", "99999d", "24h", "23:00-07:00", "25:61-9", "off", "utc")
NAMED = ("Europe/Berlin", "../../etc/passwd", "/etc/passwd", ALERT, str(ADDRESS), str(OWNER_ADDRESS))
WORDS = ODD_TEXTS | st.text(max_size=30) | st.sampled_from(TYPED + NAMED)
PARTS = ODD_TEXTS | st.text(max_size=12) | st.sampled_from(["mute", "ack", "chart", "why", menu.ACTION, ALERT, "off"])
PARTS |= st.sampled_from([*menu.PAGES, *menu.KIND_NAMES, *menu.LOUDNESS, *menu.DISTANCES, *menu.STRENGTHS])
CHATS = st.sampled_from([Chat(1, "telegram", str(ADDRESS), role) for role in Role])


async def answered(text: str, chat: Chat) -> None:
    """What the reception does with a message, without the network."""
    words = words_of(text, "standin_bot")
    if words is None:
        return
    try:
        answer = await command_named(words.command).answer(Office().desk, Asked(chat, words.arguments, str(ADDRESS)))
    except CannotAnswer as exc:
        answer = exc.text
    assert answer


@pytest.mark.parametrize("path", kept("messages"), ids=lambda path: path.name)
async def test_what_once_broke_the_bot(path: Path) -> None:
    await answered(path.read_text(), Chat(1, "telegram", str(ADDRESS), Role.OWNER))


@given(st.text(max_size=80), CHATS)
async def test_any_text(text: str, chat: Chat) -> None:
    await answered(text, chat)
    await answered(f"/{text}", chat)


@given(st.sampled_from(sorted(COMMANDS)), st.lists(WORDS, max_size=4), CHATS)
async def test_any_arguments_of_a_command(name: str, words: list[str], chat: Chat) -> None:
    await answered(f"/{name} {' '.join(words)}", chat)


@given(st.lists(PARTS, max_size=5).map(lambda parts: ":".join([VERSION, *parts])) | st.text(max_size=70), CHATS)
async def test_any_callback_data(data: str, chat: Chat) -> None:
    press = press_of(data)
    if press is None:
        return
    try:
        pressed = await do(Office().desk, Asked(chat, (), str(ADDRESS)), press)
    except CannotAnswer as exc:
        pressed = Pressed(reply=exc.text)
    assert pressed == Pressed(OLD) or pressed.notice or pressed.reply or pressed.menu


@given(st.text(max_size=12), st.lists(st.text(max_size=12), max_size=3))
def test_callback_data_comes_back_as_it_was_made(action: str, arguments: list[str]) -> None:
    try:
        data = callback_data(action, *arguments)
    except (ValueError, UnicodeEncodeError):
        return
    press = press_of(data)

    assert len(data.encode()) <= LIMIT
    assert press is None if not action else press is not None
    assert press is None or (press.action, press.arguments) == (action, tuple(arguments))


@given(st.sampled_from(sorted(menu.PAGES)) | st.text(max_size=5), st.lists(PARTS, max_size=3))
def test_no_button_gives_preferences_that_cannot_be(page: str, values: list[str]) -> None:
    preferences = changed(Office().desk, Preferences(), page, tuple(values))

    if preferences is not None:
        assert preferences.distance_pct is None or 0.0 < preferences.distance_pct <= 20.0
        assert preferences.min_strength is None or 0.3 <= preferences.min_strength < 1.0
        assert preferences.quiet is None or isinstance(preferences.quiet, QuietHours)
