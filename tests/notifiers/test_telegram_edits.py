"""Changing what was sent: in place, and where that is not possible by a silent reply, or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from telegram import Bot

from liqalert.notifiers.telegram import TelegramNotifier
from liqalert.ports import Button, DeliveryError, Event, Message
from tests.changing import replace
from tests.notifiers.test_telegram import bot_of
from tests.telegram_server import Fault, TelegramServer, telegram_server

pytestmark = pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")

FIRST = Message("<b>near</b>", "near", buttons=((Button("Ack", data="1:ack:ab"),),))
WHOLE, NEWS = Message("<b>near</b>\nHeld", "near\nHeld", silent=True), Message("Held", "Held", silent=True)
TOO_LATE = Fault.refuse(400, "Bad Request: message can't be edited")


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with telegram_server() as server:
        yield server


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    async with bot_of(server, server.token) as bot:
        yield bot


@pytest.fixture
def counts() -> Counter[tuple[str, str]]:
    return Counter()


@pytest.fixture
def notifier(bot: Bot, counts: Counter[tuple[str, str]]) -> TelegramNotifier:
    return TelegramNotifier(bot, counts)


async def test_a_message_is_changed_in_place_with_its_buttons(
    server: TelegramServer, notifier: TelegramNotifier
) -> None:
    message_id = await notifier.send("7", FIRST)

    assert await notifier.amend("7", message_id, WHOLE, NEWS) == message_id
    assert server.texts(7) == ["near\nHeld"]
    assert "reply_markup" not in server.messages[7, int(message_id)]


async def test_one_that_says_so_already_is_left_alone(server: TelegramServer, notifier: TelegramNotifier) -> None:
    message_id = await notifier.send("7", FIRST)

    assert await notifier.amend("7", message_id, FIRST, NEWS) == message_id
    assert server.texts(7) == ["near"]


@pytest.mark.parametrize("address", ["7", "-1007/45"])
async def test_one_that_can_no_longer_be_changed_is_replied_to_without_a_sound(
    server: TelegramServer, notifier: TelegramNotifier, address: str
) -> None:
    message_id = await notifier.send(address, FIRST)
    server.fail("editMessageText", TOO_LATE)

    assert await notifier.amend(address, message_id, WHOLE, NEWS) == message_id

    reply = server.calls_of("sendMessage")[-1].params
    assert server.texts(int(address.partition("/")[0])) == ["near", "Held"]
    assert reply["disable_notification"] == "true"
    assert reply["reply_parameters"] == f'{{"message_id":{message_id}}}'
    assert reply.get("message_thread_id", "") == address.partition("/")[2]


async def test_one_that_is_to_stay_is_replied_to_at_once(server: TelegramServer, notifier: TelegramNotifier) -> None:
    message_id = await notifier.send("7", FIRST)

    assert await notifier.amend("7", message_id, None, NEWS) == message_id
    assert server.texts(7) == ["near", "Held"]
    assert server.calls_of("editMessageText") == []


async def test_one_that_was_deleted_is_counted_and_nothing_else(
    server: TelegramServer, notifier: TelegramNotifier, counts: Counter[tuple[str, str]]
) -> None:
    message_id = await notifier.send("7", FIRST)
    del server.messages[7, int(message_id)]

    assert await notifier.amend("7", message_id, WHOLE, NEWS) == message_id
    assert server.texts(7) == []
    assert counts == {("telegram", "edits_in_vain"): 1}


@pytest.mark.parametrize("refusal", [TOO_LATE, None])
async def test_a_list_that_cannot_grow_is_an_error_because_what_is_new_is_not_told(
    server: TelegramServer, notifier: TelegramNotifier, refusal: Fault | None
) -> None:
    """`None`: it was deleted."""
    message_id = await notifier.send("7", FIRST)
    if refusal is None:
        del server.messages[7, int(message_id)]
    else:
        server.fail("editMessageText", refusal)

    with pytest.raises(DeliveryError) as caught:
        await notifier.amend("7", message_id, WHOLE, replace(NEWS, event=Event.LIST))

    assert caught.value.permanent
    assert not caught.value.address_dead
    assert len(server.calls_of("sendMessage")) == 1


async def test_one_that_was_deleted_is_not_replied_to_either(
    server: TelegramServer, notifier: TelegramNotifier, counts: Counter[tuple[str, str]]
) -> None:
    message_id = await notifier.send("7", FIRST)
    server.fail("editMessageText", TOO_LATE)
    server.fail("sendMessage", Fault.refuse(400, "Bad Request: message to be replied not found"))

    assert await notifier.amend("7", message_id, WHOLE, NEWS) == message_id
    assert counts == {("telegram", "edits_in_vain"): 1}


async def test_a_change_that_telegram_cannot_parse_is_made_in_plain_text(
    server: TelegramServer, notifier: TelegramNotifier, counts: Counter[tuple[str, str]]
) -> None:
    message_id = await notifier.send("7", FIRST)

    await notifier.amend("7", message_id, Message("<b>broken", "plain"), NEWS)

    assert server.texts(7) == ["plain"]
    assert counts == {("telegram", "sent_as_plain"): 1}


async def test_a_limit_is_passed_on(server: TelegramServer, notifier: TelegramNotifier) -> None:
    message_id = await notifier.send("7", FIRST)
    server.fail("editMessageText", Fault.refuse(429, "Too Many Requests: retry after 7", retry_after=7))

    with pytest.raises(DeliveryError) as caught:
        await notifier.amend("7", message_id, WHOLE, NEWS)

    assert caught.value.retry_after_s == 7.0
