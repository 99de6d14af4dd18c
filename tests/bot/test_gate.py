"""Who is served, who is told how to be, and how often."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from liqalert.bot.gate import Gate
from liqalert.bot.telegram_bot import TelegramBot
from liqalert.ports import Chat, Role, StorageError
from tests.bot_fakes import REFUSED, FakeChats, FixedClock, Office
from tests.round_market import ADDRESS, HOUR, NOW, OWNER_ADDRESS, STRANGER
from tests.telegram_server import TelegramServer

GROUP = -1001234
REFUSAL = (
    "This chat is not allowed. Its id is 99.\n"
    "To allow it, write /start CODE here with a code from liqalert pair, or add the id to this line of settings.toml, "
    "section [telegram] (telegram.allowed_chats), and restart liqalert:\n"
    "allowed_chats = [99]"
)
DATE = int(NOW)


class HangingChats(FakeChats):
    """A database that answers nothing from some moment on."""

    hangs = False

    async def chat(self, channel: str, address: str) -> Chat | None:
        if self.hangs:
            await asyncio.Event().wait()
        return await super().chat(channel, address)


def chat(chat_id: int) -> dict[str, Any]:
    kind = {"type": "private", "first_name": "S"} if chat_id > 0 else {"type": "channel", "title": "C"}
    return {"id": chat_id, **kind}


def message(chat_id: int, **content: Any) -> dict[str, Any]:
    sender = {"id": STRANGER, "is_bot": False, "first_name": "S"}
    return {"message_id": 5, "date": DATE, "chat": chat(chat_id), "from": sender, **content}


def updates(chat_id: int) -> dict[str, dict[str, Any]]:
    """One update of each kind that a bot may be sent."""
    user = {"id": STRANGER, "is_bot": False, "first_name": "S"}
    me = {"id": 123456, "is_bot": True, "first_name": "Stand-in", "username": "standin_bot"}
    written = message(chat_id, text="/clusters")
    return {
        "message": {"message": written},
        "photo": {"message": message(chat_id, photo=[])},
        "edited_message": {"edited_message": {**written, "edit_date": DATE}},
        "channel_post": {"channel_post": written},
        "edited_channel_post": {"edited_channel_post": {**written, "edit_date": DATE}},
        "callback_query": {
            "callback_query": {"id": "1", "from": user, "chat_instance": "1", "message": written, "data": "mute:BTC"}
        },
        "my_chat_member": {
            "my_chat_member": {
                "chat": chat(chat_id),
                "from": user,
                "date": DATE,
                "old_chat_member": {"status": "left", "user": me},
                "new_chat_member": {"status": "member", "user": me},
            }
        },
    }


NO_CHAT = {
    "callback_query": {"callback_query": {"id": "1", "from": message(STRANGER)["from"], "chat_instance": "1"}},
    "inline_query": {"inline_query": {"id": "1", "from": message(STRANGER)["from"], "query": "btc", "offset": ""}},
}


async def push(server: TelegramServer, update: dict[str, Any]) -> None:
    await server._push(update)


@pytest.mark.parametrize("kind", updates(STRANGER))
@pytest.mark.usefixtures("bot")
async def test_a_stranger_is_refused_once_whatever_the_update(server: TelegramServer, kind: str) -> None:
    await push(server, updates(STRANGER)[kind])
    await push(server, updates(STRANGER)[kind])
    await server.push_text(ADDRESS, "/rules")
    await server.wait_for_texts(ADDRESS)

    # A button's press is answered where it is pressed, and somebody who lets the bot in has not asked anything.
    assert server.texts(STRANGER) == ([] if kind in ("callback_query", "my_chat_member") else [REFUSAL])


@pytest.mark.parametrize("kind", NO_CHAT)
async def test_an_update_without_a_chat_is_left_alone(
    server: TelegramServer, bot: TelegramBot, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    await push(server, NO_CHAT[kind])
    await server.push_text(ADDRESS, "/rules")
    await server.wait_for_texts(ADDRESS)

    assert "Traceback" not in caplog.text
    assert len(server.messages) == 1


@pytest.mark.usefixtures("bot")
async def test_an_allowed_channel_is_served(server: TelegramServer, office: Office) -> None:
    office.chats.allowed[str(GROUP)] = Chat(3, "telegram", str(GROUP), Role.READER)
    await push(server, updates(GROUP)["channel_post"])

    assert "BTCUSDT: mark 60,000" in (await server.wait_for_texts(GROUP))[0]


@pytest.mark.parametrize("kind", ["photo", "edited_message", "edited_channel_post", "callback_query", "my_chat_member"])
@pytest.mark.usefixtures("bot")
async def test_what_is_no_new_message_is_not_answered(server: TelegramServer, kind: str) -> None:
    await push(server, updates(ADDRESS)[kind])
    await server.push_text(ADDRESS, "/rules")

    assert (await server.wait_for_texts(ADDRESS))[0].startswith("This chat is told")


@pytest.mark.usefixtures("bot")
async def test_a_stranger_is_refused_again_after_an_hour(server: TelegramServer, office: Office) -> None:
    await server.push_text(STRANGER, "/start")
    await server.wait_for_texts(STRANGER, 1)
    office.clock.at += HOUR

    await server.push_text(STRANGER, "/start")

    assert await server.wait_for_texts(STRANGER, 2) == [REFUSAL, REFUSAL]


@pytest.mark.usefixtures("bot")
async def test_talk_beside_the_topic_that_is_allowed_is_not_refused(server: TelegramServer, office: Office) -> None:
    office.chats.allowed[f"{GROUP}/45"] = Chat(3, "telegram", f"{GROUP}/45", Role.USER)
    await server.push_text(GROUP, "good morning", thread_id=46)
    await server.push_text(ADDRESS, "/rules")
    await server.wait_for_texts(ADDRESS)
    after_talk = server.texts(GROUP)

    await server.push_text(GROUP, "/rules", thread_id=46)

    assert after_talk == []
    assert (await server.wait_for_texts(GROUP))[0].startswith("This chat is not allowed.")


@pytest.mark.usefixtures("bot")
async def test_a_stranger_learns_nothing_of_a_refusing_database(server: TelegramServer, office: Office) -> None:
    office.chats.broken = REFUSED
    await server.push_text(STRANGER, "/clusters")

    assert await server.wait_for_texts(STRANGER) == [
        "liqalert cannot look up at the moment whether this chat is allowed: its database refuses."
    ]


@pytest.mark.usefixtures("bot")
async def test_a_chat_that_writes_again_is_alive_again(server: TelegramServer, office: Office) -> None:
    office.chats.allowed[str(ADDRESS)] = Chat(1, "telegram", str(ADDRESS), Role.USER, dead_since=NOW - HOUR)
    await server.push_text(ADDRESS, "/rules")
    await server.wait_for_texts(ADDRESS)

    assert office.chats.revived == [1]
    assert office.changes == 1


@pytest.mark.usefixtures("bot")
async def test_a_group_that_becomes_a_supergroup_keeps_its_rules(server: TelegramServer, office: Office) -> None:
    office.chats.allowed["-5"] = Chat(3, "telegram", "-5", Role.USER)
    await push(server, {"message": message(-5, migrate_to_chat_id=-1005)})

    text = (await server.wait_for_texts(-1005))[0]

    assert text.startswith("Telegram has given this group a new id, -1005.")
    assert office.chats.allowed["-1005"].id == 3


@pytest.mark.usefixtures("bot")
async def test_a_new_supergroup_is_not_refused_before_its_rules_have_moved(
    server: TelegramServer, office: Office
) -> None:
    """Telegram says of the move in both groups, in either order."""
    office.chats.allowed["-5"] = Chat(3, "telegram", "-5", Role.USER)
    await push(server, {"message": message(-1005, migrate_from_chat_id=-5)})
    await push(server, {"message": message(-5, migrate_to_chat_id=-1005)})
    await server.push_text(ADDRESS, "/rules")
    await server.wait_for_texts(ADDRESS)

    [text] = server.texts(-1005)
    assert text.startswith("Telegram has given this group a new id, -1005.")


@pytest.mark.usefixtures("bot")
async def test_a_supergroup_is_not_told_that_its_rules_have_moved_before_they_have(
    server: TelegramServer, office: Office
) -> None:
    office.chats.allowed["-5"] = Chat(3, "telegram", "-5", Role.USER)
    await server.push_text(-5, "/clusters")
    await server.wait_for_texts(-5)
    office.chats.broken = REFUSED
    await push(server, {"message": message(-5, migrate_to_chat_id=-1005)})

    assert await server.wait_for_texts(-1005) == [
        "Telegram has given this group a new id, -1005, which liqalert cannot note now: its database refuses.\n"
        "The rules of this group move with its next alert; until then liqalert does not know it here."
    ]


async def test_a_database_that_does_not_answer_holds_up_no_chat_that_is_known() -> None:
    known, other = Chat(1, "telegram", "77", Role.USER), Chat(2, "telegram", "78", Role.USER)
    chats = HangingChats({"77": known, "78": other})
    gate = Gate(chats, FixedClock())
    await gate.admitted(["77"])
    chats.hangs = True

    async with asyncio.timeout(3.5):
        assert await gate.admitted(["77"]) == known
    with pytest.raises(StorageError, match="the database does not answer within 2 s"):
        await gate.admitted(["78"])


async def test_who_was_removed_is_not_remembered_as_allowed() -> None:
    chats = FakeChats({"77": Chat(1, "telegram", "77", Role.USER)})
    gate = Gate(chats, FixedClock())
    assert await gate.admitted(["77"])
    chats.allowed.clear()

    assert await gate.admitted(["77"]) is None
    assert not gate.has_admitted("77")


@pytest.mark.usefixtures("bot")
async def test_who_was_removed_is_not_served_while_the_database_refuses(server: TelegramServer, office: Office) -> None:
    await server.push_text(ADDRESS, "/rules")
    await server.wait_for_texts(ADDRESS, 1)
    await server.push_text(OWNER_ADDRESS, f"/remove {ADDRESS}")
    await server.wait_for_texts(OWNER_ADDRESS, 1)
    office.chats.broken = REFUSED

    await server.push_text(ADDRESS, "/clusters")

    told = (await server.wait_for_texts(ADDRESS, 2))[1]
    assert told.startswith("liqalert cannot look up at the moment whether this chat is allowed")


def test_a_flood_of_strangers_is_remembered_up_to_a_bound() -> None:
    clock = FixedClock()
    gate = Gate(FakeChats({}), clock)

    told = sum(gate.may_tell(str(stranger)) for stranger in range(1500))
    clock.at += HOUR

    assert told == 1000
    assert gate.may_tell("1499")
