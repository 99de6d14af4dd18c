"""/mute, /quiet, enrolment, roles and topics, over a real socket."""

from __future__ import annotations

import pytest

from liqalert.core.market import Instrument
from liqalert.ports import Chat, Mute, QuietHours, Role
from tests.bot.test_commands import answer
from tests.bot_fakes import Office
from tests.round_market import ADDRESS, BTC, HOUR, NOW, OWNER_ADDRESS, PEPE, STRANGER
from tests.telegram_server import TelegramServer

pytestmark = pytest.mark.usefixtures("bot")
GROUP = -1001234


@pytest.mark.parametrize(
    ("text", "instrument", "until"),
    [
        ("/mute", None, NOW + HOUR),
        ("/mute 2h", None, NOW + 2 * HOUR),
        ("/mute btc 90m", BTC, NOW + 1.5 * HOUR),
        ("/mute 1d BTC/USDT", BTC, NOW + 24 * HOUR),
        ("/mute 2 h", None, NOW + 2 * HOUR),
        ("/mute btc 90 Minutes", BTC, NOW + 1.5 * HOUR),
        ("/mute 1 day", None, NOW + 24 * HOUR),
    ],
)
async def test_mute(server: TelegramServer, office: Office, text: str, instrument: object, until: float) -> None:
    said = await answer(server, text)

    assert [(mute.instrument, mute.until) for mute in office.chats.muted[1]] == [(instrument, until)]
    assert "is muted until" in said


@pytest.mark.parametrize("text", ["/mute 1000pepe", "/mute 1000PEPEUSDT 1h", "/mute 1h 1000pepeusdt"])
async def test_a_symbol_that_begins_with_a_digit_can_be_muted(
    server: TelegramServer, office: Office, text: str
) -> None:
    await answer(server, text)

    assert [(mute.instrument, mute.until) for mute in office.chats.muted[1]] == [(PEPE, NOW + HOUR)]


@pytest.mark.parametrize("text", ["/mute 5", "/mute 0m", "/mute 99d", "/mute 2h 3h", "/mute btc eth", "/mute 2 btc h"])
async def test_a_mute_that_makes_no_sense_gets_an_example(server: TelegramServer, office: Office, text: str) -> None:
    assert "Example: /mute" in await answer(server, text)
    assert office.chats.muted == {}


@pytest.mark.parametrize(
    ("text", "age_s", "until"),
    [
        ("/mute 12h", 10 * HOUR, NOW + 2 * HOUR),
        ("/mute 2h", 20.0, NOW + 2 * HOUR),
        ("/mute 2h", -HOUR, NOW + 2 * HOUR),
    ],
)
async def test_a_mute_counts_from_when_it_was_sent(
    server: TelegramServer, office: Office, text: str, age_s: float, until: float
) -> None:
    """Telegram keeps what is sent while the daemon is down; a clock may be a little off, or be wrong altogether."""
    await server.push_text(ADDRESS, text, at=NOW - age_s)
    await server.wait_for_texts(ADDRESS)

    assert [mute.until for mute in office.chats.muted[1]] == [until]


async def test_a_mute_that_is_over_by_now_mutes_nothing(server: TelegramServer, office: Office) -> None:
    await server.push_text(ADDRESS, "/mute btc 2h", at=NOW - 10 * HOUR)

    assert await server.wait_for_texts(ADDRESS) == [
        "Nothing is muted: this was sent so long ago that the mute would have ended at 06:05 UTC (8 h ago). "
        "For one from now: /mute btc 2h"
    ]
    assert office.chats.muted == {}


async def test_unmute(server: TelegramServer) -> None:
    await answer(server, "/mute")

    assert await answer(server, "/unmute") == "No longer muted."
    assert await answer(server, "/unmute") == "Nothing was muted."


async def test_unmute_of_a_symbol_leaves_the_other_mutes_and_names_them(server: TelegramServer, office: Office) -> None:
    for text in ("/mute 30m", "/mute btc 1d", "/mute eth 2h"):
        await answer(server, text)
    still = "Still muted: everything until 14:35 UTC (for 30 min), BTCUSDT until 24 Nov 14:05 UTC (for 24 h)."

    assert await answer(server, "/unmute eth") == f"The mute of ETHUSDT has ended.\n{still} /unmute ends every mute."
    assert await answer(server, "/unmute ETH") == f"ETHUSDT had no mute of its own.\n{still} /unmute ends every mute."
    assert {mute.instrument for mute in office.chats.muted[1]} == {None, BTC}


async def test_unmute_of_the_only_symbol_that_is_muted(server: TelegramServer) -> None:
    await answer(server, "/mute btc")

    assert await answer(server, "/unmute BTC/USDT") == "The mute of BTCUSDT has ended."
    assert await answer(server, "/unmute") == "Nothing was muted."


async def test_unmute_of_all_ends_every_mute(server: TelegramServer) -> None:
    await answer(server, "/mute btc")

    assert await answer(server, "/unmute all") == "No longer muted."


@pytest.mark.parametrize(
    ("text", "said"), [("/unmute btc eth", "Example: /unmute BTC"), ("/unmute btcc", "Example: /unmute BTCUSDT")]
)
async def test_an_unmute_that_makes_no_sense_gets_an_example(
    server: TelegramServer, office: Office, text: str, said: str
) -> None:
    await answer(server, "/mute")

    assert said in await answer(server, text)
    assert len(office.chats.muted[1]) == 1


async def test_a_mute_of_what_is_no_longer_seen_can_be_ended(server: TelegramServer, office: Office) -> None:
    gone = Instrument("binance", "GONEUSDT")
    office.chats.muted[1] = [Mute(gone, NOW + HOUR)]

    assert await answer(server, "/unmute gone") == "The mute of GONEUSDT has ended."


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("/quiet 23:00-07:00 europe/berlin", QuietHours(1380, 420, "Europe/Berlin")),
        ("/quiet 0:00 - 8:30", QuietHours(0, 510, "UTC")),
    ],
)
async def test_quiet_hours(server: TelegramServer, office: Office, text: str, hours: QuietHours) -> None:
    assert (await answer(server, text)).startswith("Quiet hours: ")
    assert office.chats.allowed[str(ADDRESS)].preferences.quiet == hours

    assert (await answer(server, "/quiet off")).startswith("No quiet hours")
    assert office.chats.allowed[str(ADDRESS)].preferences.quiet is None


async def test_what_waits_for_quiet_hours_comes_when_they_end_or_are_ended(
    server: TelegramServer, office: Office
) -> None:
    """It is 14:05."""
    await answer(server, "/quiet 13:00-16:00")
    shorter = office.chats.held_until[1]
    await answer(server, "/quiet off")

    assert shorter == NOW + 6900.0
    assert office.chats.held_until[1] == NOW
    assert office.wakes == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/quiet 24:00-07:00", "two times of day"),
        ("/quiet tonight", "two times of day"),
        ("/quiet 07:00-07:00", "different times"),
        ("/quiet 23:00-07:00 Europe/Berln", "Do you mean Europe/Berlin?"),
    ],
)
async def test_quiet_hours_that_make_no_sense(server: TelegramServer, office: Office, text: str, said: str) -> None:
    refusal = await answer(server, text)

    assert said in refusal
    assert "Example: /quiet 23:00-07:00 Europe/Berlin" in refusal
    assert office.chats.allowed[str(ADDRESS)].preferences.quiet is None


# ---------------------------------------------------------------- enrolment


async def test_a_code_enrols_a_stranger_once(server: TelegramServer, office: Office) -> None:
    office.enrolments.codes["ABC234"] = Role.READER

    welcome = await answer(server, "/start ABC234", STRANGER)
    await server.push_text(ADDRESS, "/start ABC234")

    assert welcome.startswith("This chat is enrolled as reader. It may ask, not change.")
    assert (await server.wait_for_texts(ADDRESS))[0].startswith("This code is not valid (any more)")
    assert (await answer(server, "/rules", STRANGER)).startswith("This chat has no rule")


async def test_guessing_codes_ends_after_five_tries_an_hour(server: TelegramServer, office: Office) -> None:
    for number in range(8):
        await server.push_text(STRANGER, f"/start GUESS{number}")
    await answer(server, "/rules")

    assert len(office.enrolments.tries) == 5


async def test_a_code_is_not_logged(server: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="liqalert"):
        await answer(server, "/start SECRETCODE", STRANGER)

    assert "SECRETCODE" not in caplog.text


async def test_the_owner_lists_and_removes_chats(server: TelegramServer, office: Office) -> None:
    listing = await answer(server, "/chats", OWNER_ADDRESS)
    gone = await answer(server, f"/remove {ADDRESS}", OWNER_ADDRESS)

    assert f"• {ADDRESS} telegram, user" in listing
    assert f"• {OWNER_ADDRESS} telegram, owner, this chat" in listing
    assert gone.startswith(f"{ADDRESS} may no longer ask")
    assert str(ADDRESS) not in office.chats.allowed


async def test_the_last_owner_cannot_be_removed(server: TelegramServer, office: Office) -> None:
    assert "The last owner cannot be removed" in await answer(server, f"/remove {OWNER_ADDRESS}", OWNER_ADDRESS)
    assert str(OWNER_ADDRESS) in office.chats.allowed


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Chat(3, "webhook", "webhook", Role.OWNER), id="a webhook"),
        pytest.param(Chat(3, "telegram", "43", Role.OWNER, dead_since=NOW - HOUR), id="a chat that is dead"),
    ],
)
async def test_an_owner_who_cannot_write_to_the_bot_does_not_make_another_superfluous(
    server: TelegramServer, office: Office, other: Chat
) -> None:
    office.chats.allowed[other.address] = other

    assert "The last owner cannot be removed" in await answer(server, f"/remove {OWNER_ADDRESS}", OWNER_ADDRESS)
    assert "may no longer ask" in await answer(server, f"/remove {other.address}", OWNER_ADDRESS)


async def test_one_of_two_owners_can_be_removed(server: TelegramServer, office: Office) -> None:
    office.chats.allowed["43"] = Chat(3, "telegram", "43", Role.OWNER)

    assert (await answer(server, f"/remove {OWNER_ADDRESS}", OWNER_ADDRESS)).startswith("42 may no longer ask")


@pytest.mark.parametrize("text", ["/chats", "/remove 42"])
async def test_only_the_owner_may_see_and_remove_chats(server: TelegramServer, text: str) -> None:
    assert await answer(server, text) == "Only the owner may do this."


# ---------------------------------------------------------------- groups and topics


async def test_in_a_group_a_stranger_may_ask_and_not_change(server: TelegramServer, office: Office) -> None:
    office.chats.allowed[str(GROUP)] = Chat(3, "telegram", str(GROUP), Role.USER)
    await server.push_text(GROUP, "/watch sol", user_id=STRANGER)
    refused = (await server.wait_for_texts(GROUP))[0]
    await server.push_text(GROUP, "/rules", user_id=STRANGER)
    asked = (await server.wait_for_texts(GROUP, 2))[1]
    await server.push_text(GROUP, "/watch sol", user_id=ADDRESS)
    changed = (await server.wait_for_texts(GROUP, 3))[2]

    assert refused.startswith("In a group only people who are enrolled themselves may change anything")
    assert asked.startswith("This chat has no rule")
    assert changed.startswith("This chat is now told")


async def test_a_topic_is_answered_where_it_asked(server: TelegramServer, office: Office) -> None:
    office.enrolments.codes["ABC234"] = Role.USER
    await server.push_text(GROUP, "/start ABC234", user_id=ADDRESS, thread_id=45)
    await server.wait_for_texts(GROUP)
    await server.push_text(GROUP, "/rules", user_id=ADDRESS, thread_id=45)
    await server.wait_for_texts(GROUP, 2)

    assert f"{GROUP}/45" in office.chats.allowed
    sent = [message for (chat, _), message in server.messages.items() if chat == GROUP]
    assert [message["message_thread_id"] for message in sent] == [45, 45]


async def test_a_bot_that_is_thrown_out_and_let_in_again(server: TelegramServer, office: Office) -> None:
    async def change(status: str) -> None:
        me = {"user": {"id": 123456, "is_bot": True, "first_name": "B"}}
        await server._push(
            {
                "my_chat_member": {
                    "chat": {"id": ADDRESS, "type": "private", "first_name": "S"},
                    "from": {"id": ADDRESS, "is_bot": False, "first_name": "S"},
                    "date": int(NOW),
                    "old_chat_member": {"status": "member", **me},
                    "new_chat_member": {"status": status, **me, **({"until_date": 0} if status == "kicked" else {})},
                }
            }
        )

    await change("kicked")
    await answer(server, "/help", OWNER_ADDRESS)
    office.chats.allowed[str(ADDRESS)] = Chat(1, "telegram", str(ADDRESS), Role.USER, dead_since=NOW)
    await change("member")
    await answer(server, "/help", OWNER_ADDRESS)

    assert office.chats.dead == [1]
    assert office.chats.revived == [1]
    assert office.changes == 1
