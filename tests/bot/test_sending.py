"""What Telegram may do to an answer, and what the person then sees."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from telegram import Bot

from liqalert.bot import sending
from liqalert.bot.sending import Place, edit, send
from liqalert.bot.telegram_bot import build_application
from liqalert.render.captions import Photo
from liqalert.render.lines import composed
from liqalert.render.menu import Menu
from tests.telegram_server import Fault, TelegramServer

pytestmark = pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")

HERE = Place(77)
TEXT = composed(["<b>mark</b> 1 &lt; 2"])


@pytest.fixture
async def telegram(server: TelegramServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    monkeypatch.setattr(sending, "SECOND_TRY_S", 0.01)
    application = build_application(server.token, server.api_url)
    async with application.bot as bot:
        yield bot


async def test_html_without_a_link_preview(server: TelegramServer, telegram: Bot) -> None:
    await send(telegram, HERE, TEXT)

    call = server.calls_of("sendMessage")[0]
    assert call.text == "<b>mark</b> 1 &lt; 2"
    assert call.params["parse_mode"] == "HTML"
    assert call.params["link_preview_options"] == '{"is_disabled":true}'
    assert server.texts(77) == ["mark 1 < 2"]


async def test_the_topic_of_a_forum_is_kept(server: TelegramServer, telegram: Bot) -> None:
    await send(telegram, Place(77, thread_id=12), TEXT)

    assert server.calls_of("sendMessage")[0].params["message_thread_id"] == "12"


async def test_plain_text_at_once_when_telegram_cannot_parse(server: TelegramServer, telegram: Bot) -> None:
    server.fail("sendMessage", Fault.refuse(400, "Bad Request: can't parse entities: Unsupported start tag"))

    await send(telegram, HERE, TEXT)

    assert server.texts(77) == ["mark 1 < 2"]
    assert "parse_mode" not in server.calls_of("sendMessage")[1].params


async def test_a_long_answer_comes_in_parts_cut_at_line_ends(server: TelegramServer, telegram: Bot) -> None:
    lines = [f"<b>line {number}</b> {'x' * 60}" for number in range(200)]

    await send(telegram, HERE, composed(lines))

    parts = server.texts(77)
    assert len(parts) == 4
    assert "\n".join(parts) == composed(lines).plain


@pytest.mark.parametrize("fault", [Fault.drop(), Fault.bad_gateway(), Fault.truncate()])
async def test_a_broken_connection_is_tried_a_second_time(server: TelegramServer, telegram: Bot, fault: Fault) -> None:
    server.fail("sendMessage", fault)

    await send(telegram, HERE, TEXT)

    assert server.texts(77) == ["mark 1 < 2"]


async def test_a_moments_pause_that_telegram_wants_is_waited_for(server: TelegramServer, telegram: Bot) -> None:
    server.fail("sendMessage", Fault.refuse(429, "Too Many Requests: retry after 1", retry_after=1))

    await send(telegram, HERE, TEXT)

    assert server.texts(77) == ["mark 1 < 2"]
    first, second = server.calls_of("sendMessage")
    assert second.at - first.at >= 1.0


@pytest.mark.parametrize(
    "fault",
    [
        Fault.refuse(429, "Too Many Requests: retry after 30", retry_after=30),
        Fault.refuse(403, "Forbidden: bot was blocked by the user"),
        Fault.refuse(400, "Bad Request: chat not found"),
        Fault.refuse(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1005),
        Fault.refuse(401, "Unauthorized"),
    ],
)
async def test_what_cannot_be_sent_is_logged_and_given_up(
    server: TelegramServer, telegram: Bot, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    server.fail("sendMessage", fault)

    await send(telegram, HERE, TEXT)

    assert server.texts(77) == []
    assert len(server.calls_of("sendMessage")) == 1
    assert [record.message for record in caplog.records if record.name == "liqalert.bot.sending"] == ["answer not sent"]


# ---------------------------------------------------------------- pictures and menus

PHOTO = Photo(b"\x89PNG", composed(["<b>BTCUSDT</b>, 24h"]))
MENU = Menu(composed(["Settings"]), ((("Off", "1:set:quiet:off"),),))
PASSES = [
    Fault.refuse(429, "Too Many Requests: retry after 1", retry_after=1),
    Fault.drop(),
    Fault.bad_gateway(),
    Fault.truncate(),
]


@pytest.mark.parametrize("fault", PASSES)
async def test_a_picture_is_tried_a_second_time(server: TelegramServer, telegram: Bot, fault: Fault) -> None:
    server.fail("sendPhoto", fault)

    await send(telegram, HERE, PHOTO)

    assert server.texts(77) == ["BTCUSDT, 24h"]


@pytest.mark.parametrize(
    "refusal",
    ["Bad Request: not enough rights to send photos to the chat", "Bad Request: CHAT_SEND_PHOTOS_FORBIDDEN"],
)
async def test_a_chat_that_takes_no_pictures_is_told_so_and_the_words(
    server: TelegramServer, telegram: Bot, refusal: str
) -> None:
    server.fail("sendPhoto", Fault.refuse(400, refusal))

    await send(telegram, HERE, PHOTO)

    assert server.texts(77) == ["This chat does not let liqalert send pictures. The caption alone:\nBTCUSDT, 24h"]


@pytest.mark.parametrize("fault", PASSES)
async def test_a_menu_is_changed_at_the_second_try(server: TelegramServer, telegram: Bot, fault: Fault) -> None:
    await send(telegram, HERE, TEXT)
    [(_, number)] = server.messages
    server.fail("editMessageText", fault)

    await edit(telegram, 77, number, MENU)

    assert server.texts(77) == ["Settings"]


async def test_a_menu_that_says_so_already_is_left_alone(server: TelegramServer, telegram: Bot) -> None:
    """As when its change arrived and the answer to it did not."""
    await send(telegram, HERE, TEXT)
    [(_, number)] = server.messages
    server.fail("editMessageText", Fault.drop_after_accepting())

    await edit(telegram, 77, number, MENU)

    assert server.texts(77) == ["Settings"]
    assert len(server.calls_of("editMessageText")) == 2
