"""One-time codes."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from liqalert.ports import Role
from liqalert.storage.alerts import AlertStore
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.enrolment import Enrolments
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.tables import PAIRING_CODES
from tests.storage.objects import BTC_RULE, T0, alert, near, standard


@pytest.fixture
def enrolments(database: Database) -> Enrolments:
    return Enrolments(database)


async def test_a_code_enrols_one_chat_once(enrolments: Enrolments, chats: ChatDirectory) -> None:
    await enrolments.offer("ABC234", Role.USER, expires_at=T0 + 600, now=T0)

    first = await enrolments.redeem(" abc234", "telegram", "-100/7", T0 + 599)
    second = await enrolments.redeem("ABC234", "telegram", "9", T0 + 599)

    assert first is not None
    assert (first.address, first.role) == ("-100/7", Role.USER)
    assert second is None
    assert await chats.chat("telegram", "-100/7") == first
    assert await enrolments.chats() == (first,)
    assert [await enrolments.any_on(channel) for channel in ("telegram", "ntfy")] == [True, False]


@pytest.mark.parametrize(("code", "at"), [("ABC234", T0 + 600), ("ABC235", T0)], ids=["expired", "unknown"])
async def test_another_code_enrols_nobody(enrolments: Enrolments, code: str, at: float) -> None:
    await enrolments.offer("ABC234", Role.USER, expires_at=T0 + 600, now=T0)

    assert await enrolments.redeem(code, "telegram", "9", at) is None
    assert await enrolments.chats() == ()


async def test_the_code_itself_is_not_stored(enrolments: Enrolments, database: Database) -> None:
    await enrolments.offer("ABC234", Role.USER, expires_at=T0 + 600, now=T0)

    async with database.read("test") as connection:
        rows = (await connection.exec_driver_sql("SELECT * FROM pairing_codes")).all()
    assert "abc234" not in repr(rows).lower()


async def test_the_last_owner_stays_owner(enrolments: Enrolments) -> None:
    for code, role in (("AAA", Role.OWNER), ("BBB", Role.READER), ("CCC", Role.OWNER), ("DDD", Role.READER)):
        await enrolments.offer(code, role, expires_at=T0 + 600, now=T0)
    await enrolments.redeem("AAA", "telegram", "1", T0)
    alone = await enrolments.redeem("BBB", "telegram", "1", T0)
    await enrolments.redeem("CCC", "telegram", "2", T0)
    one_of_two = await enrolments.redeem("DDD", "telegram", "1", T0)

    assert [chat.role for chat in (alone, one_of_two) if chat] == [Role.OWNER, Role.READER]


async def test_who_came_by_a_code_stays_and_who_was_removed_goes(
    enrolments: Enrolments, database: Database, chats: ChatDirectory
) -> None:
    for code, address in (("AAA", "1"), ("BBB", "2")):
        await enrolments.offer(code, Role.USER, expires_at=T0 + 600, now=T0)
        await enrolments.redeem(code, "telegram", address, T0)
    gone = await chats.chat("telegram", "2")
    assert gone is not None
    await enrolments.remove(gone.id, T0)

    await sync_defaults(database, "telegram", ["5"], standard=standard(BTC_RULE), now=T0 + 1)

    assert [(chat.address, chat.role) for chat in await enrolments.chats()] == [("1", "user"), ("5", "owner")]
    assert [held.rule for held in await chats.subscriptions(1)] == [BTC_RULE]


async def test_neither_the_console_nor_a_dead_chat_counts_as_an_owner(
    enrolments: Enrolments, database: Database, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "console", ["console"], standard=standard(), now=T0)
    for code, role in (("AAA", Role.OWNER), ("BBB", Role.OWNER), ("CCC", Role.READER)):
        await enrolments.offer(code, role, expires_at=T0 + 600, now=T0)
    await enrolments.redeem("AAA", "telegram", "1", T0)
    other = await enrolments.redeem("BBB", "telegram", "2", T0)
    assert other is not None
    await chats.mark_dead(other.id, T0)

    last = await enrolments.redeem("CCC", "telegram", "1", T0)

    assert last is not None
    assert last.role is Role.OWNER


async def test_an_owner_who_was_removed_comes_back_with_the_role_offered(enrolments: Enrolments) -> None:
    for code, role in (("AAA", Role.OWNER), ("BBB", Role.READER)):
        await enrolments.offer(code, role, expires_at=T0 + 600, now=T0)
    first = await enrolments.redeem("AAA", "telegram", "1", T0)
    assert first is not None
    await enrolments.remove(first.id, T0)
    assert not await enrolments.any_on("telegram")

    back = await enrolments.redeem("BBB", "telegram", "1", T0)

    assert back is not None
    assert (back.id, back.role) == (first.id, Role.READER)


async def test_a_code_revives_a_dead_chat(enrolments: Enrolments, chats: ChatDirectory) -> None:
    for code in ("AAA", "BBB"):
        await enrolments.offer(code, Role.USER, expires_at=T0 + 600, now=T0)
    first = await enrolments.redeem("AAA", "telegram", "1", T0)
    assert first is not None
    await chats.mark_dead(first.id, T0)

    back = await enrolments.redeem("BBB", "telegram", "1", T0)

    assert back == first


async def test_two_who_come_with_one_code_at_the_same_moment_are_one(enrolments: Enrolments) -> None:
    await enrolments.offer("AAA", Role.USER, expires_at=T0 + 600, now=T0)

    both = await asyncio.gather(*(enrolments.redeem("AAA", "telegram", address, T0) for address in ("1", "2")))

    assert [chat is None for chat in both].count(False) == 1
    assert len(await enrolments.chats()) == 1


async def test_expired_codes_are_forgotten(enrolments: Enrolments, database: Database) -> None:
    await enrolments.offer("AAA", Role.USER, expires_at=T0 + 600, now=T0)

    await enrolments.offer("BBB", Role.USER, expires_at=T0 + 1200, now=T0 + 600)

    async with database.read("test") as connection:
        assert len((await connection.execute(select(PAIRING_CODES))).all()) == 1
    assert await enrolments.redeem("BBB", "telegram", "1", T0 + 601) is not None


async def test_a_removed_chat_is_owed_nothing_any_more(
    enrolments: Enrolments, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await enrolments.offer("AAA", Role.USER, expires_at=T0 + 600, now=T0)
    chat = await enrolments.redeem("AAA", "telegram", "1", T0)
    assert chat is not None
    await chats.subscribe(chat.id, [BTC_RULE], T0)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)

    await enrolments.remove(chat.id, T0 + 1)

    assert await outbox.due(T0 + 9, 9) == ()
    assert await chats.chat("telegram", "1") is None
    assert await chats.rules() == ()
