from dataclasses import replace

import pytest
from sqlalchemy import func, select

from liqalert.core.rules import Rule, RuleKind
from liqalert.ports import Loudness, Preferences, Role
from liqalert.storage.alerts import AlertStore
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.enrolment import Enrolments
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.tables import SUBSCRIPTIONS
from tests.storage.objects import BTC, BTC_RULE, ETH, ETH_RULE, T0, alert, near, standard

NARROWER = Rule(RuleKind.NEAR, BTC, 0.5, 0.6)
OWN = Rule(RuleKind.NEAR, BTC, 3.0, 0.5)


async def _rules(chats: ChatDirectory, address: str) -> list[tuple[Rule, bool]]:
    chat = await chats.chat("telegram", address)
    assert chat is not None
    return [(held.rule, held.from_default) for held in await chats.subscriptions(chat.id)]


async def _roles(chats: ChatDirectory, *addresses: str) -> list[Role | None]:
    return [chat.role if (chat := await chats.chat("telegram", address)) else None for address in addresses]


async def test_every_listed_chat_holds_every_default_rule(database: Database, chats: ChatDirectory) -> None:
    for _ in range(2):
        await sync_defaults(database, "telegram", ["1", "2", "1"], standard=standard(BTC_RULE, ETH_RULE), now=T0)

    assert await _rules(chats, "1") == [(BTC_RULE, True), (ETH_RULE, True)]
    assert await _rules(chats, "2") == [(BTC_RULE, True), (ETH_RULE, True)]


async def test_the_first_listed_chat_is_the_owner(database: Database, chats: ChatDirectory) -> None:
    await sync_defaults(database, "telegram", ["1", "2"], standard=standard(), now=T0)
    assert await _roles(chats, "1", "2") == [Role.OWNER, Role.USER]

    await sync_defaults(database, "telegram", ["2", "1"], standard=standard(), now=T0)
    assert await _roles(chats, "1", "2") == [Role.USER, Role.OWNER]


async def test_a_default_with_old_values_is_replaced(database: Database, chats: ChatDirectory) -> None:
    await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE, ETH_RULE), now=T0)

    await sync_defaults(database, "telegram", ["1"], standard=standard(NARROWER), now=T0 + 1)

    assert await _rules(chats, "1") == [(NARROWER, True)]


async def test_a_chats_own_rule_stands_against_the_default(database: Database, chats: ChatDirectory) -> None:
    await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE, ETH_RULE), now=T0)
    chat = await chats.chat("telegram", "1")
    assert chat is not None
    await chats.subscribe(chat.id, [OWN], T0)

    await sync_defaults(database, "telegram", ["1"], standard=standard(NARROWER, ETH_RULE), now=T0 + 1)

    assert await _rules(chats, "1") == [(OWN, False), (Rule(RuleKind.NEAR, ETH, 0.5, 0.6), True)]


@pytest.mark.parametrize("default", [BTC_RULE, NARROWER])
async def test_what_a_chat_stopped_does_not_come_back(database: Database, chats: ChatDirectory, default: Rule) -> None:
    await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE, ETH_RULE), now=T0)
    chat = await chats.chat("telegram", "1")
    assert chat is not None
    await chats.unsubscribe(chat.id, BTC, T0)

    await sync_defaults(database, "telegram", ["1"], standard=standard(default, ETH_RULE), now=T0 + 1)

    assert [rule.instrument for rule, _ in await _rules(chats, "1")] == [ETH]


async def test_a_chat_no_longer_listed_loses_access_and_gets_it_back_when_listed_again(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "telegram", ["1", "2"], standard=standard(BTC_RULE), now=T0)
    before = await chats.chat("telegram", "2")
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)

    await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE), now=T0 + 1)

    assert await chats.chat("telegram", "2") is None
    assert [delivery.address for delivery in await outbox.due(T0 + 1, 9)] == ["1"]

    await sync_defaults(database, "telegram", ["1", "2"], standard=standard(BTC_RULE), now=T0 + 2)

    assert await chats.chat("telegram", "2") == before
    assert await _rules(chats, "2") == [(BTC_RULE, True)]


async def test_channels_do_not_touch_each_other(database: Database, chats: ChatDirectory) -> None:
    await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE), now=T0)
    await sync_defaults(database, "console", ["console"], standard=standard(ETH_RULE), now=T0)

    console = await chats.chat("console", "console")
    assert console is not None
    assert console.role is Role.OWNER
    assert await _rules(chats, "1") == [(BTC_RULE, True)]


async def _prefers(database: Database, chats: ChatDirectory, preferences: Preferences) -> int:
    """Chat 1, which holds the defaults for BTC and ETH."""
    await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE, ETH_RULE), now=T0)
    chat = await chats.chat("telegram", "1")
    assert chat is not None
    await chats.prefer(chat.id, preferences)
    return chat.id


async def test_a_chats_own_distance_and_strength_replace_those_of_the_defaults(
    database: Database, chats: ChatDirectory
) -> None:
    chat_id = await _prefers(database, chats, Preferences(distance_pct=0.8, min_strength=0.7))

    await chats.hold_defaults(chat_id, standard(BTC_RULE, ETH_RULE), T0)
    now = await _rules(chats, "1")
    await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE, ETH_RULE), now=T0 + 1)

    wanted = [(Rule(RuleKind.NEAR, BTC, 0.8, 0.7), True), (Rule(RuleKind.NEAR, ETH, 0.8, 0.7), True)]
    assert now == wanted
    assert await _rules(chats, "1") == wanted


async def test_a_kind_that_was_turned_off_goes_and_comes_back(database: Database, chats: ChatDirectory) -> None:
    chat_id = await _prefers(database, chats, Preferences(loudness=((RuleKind.NEAR, Loudness.OFF),)))
    await chats.hold_defaults(chat_id, standard(BTC_RULE), T0)
    off = await _rules(chats, "1")

    await chats.prefer(chat_id, Preferences(loudness=((RuleKind.NEAR, Loudness.SILENT),)))
    await chats.hold_defaults(chat_id, standard(BTC_RULE), T0)

    assert off == []
    assert await _rules(chats, "1") == [(BTC_RULE, True)]


async def test_a_kind_that_was_turned_on_holds_for_all_that_the_chat_watches(
    database: Database, chats: ChatDirectory
) -> None:
    """Not for ETH, which it has stopped."""
    chat_id = await _prefers(database, chats, Preferences(loudness=((RuleKind.LARGE, Loudness.LOUD),)))
    everything = Rule(RuleKind.NEAR, None, 1.0, 0.9)
    await chats.subscribe(chat_id, [everything], T0)
    await chats.unsubscribe(chat_id, ETH, T0)

    for _ in range(2):
        await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE, ETH_RULE), now=T0 + 1)

    assert await _rules(chats, "1") == [
        (Rule(RuleKind.LARGE, None, 0.0, 0.0, 1e6), True),
        (Rule(RuleKind.LARGE, BTC, 0.0, 0.0, 1e6), True),
        (everything, False),
        (BTC_RULE, True),
    ]


async def test_who_watches_an_instrument_again_hears_of_every_kind_again(
    database: Database, chats: ChatDirectory
) -> None:
    cascade = Rule(RuleKind.CASCADE, BTC, 0.0, 0.6)
    both = replace(standard(BTC_RULE), kinds=(RuleKind.NEAR, RuleKind.CASCADE))
    await sync_defaults(database, "telegram", ["1"], standard=both, now=T0)
    chat = await chats.chat("telegram", "1")
    assert chat is not None
    await chats.unsubscribe(chat.id, BTC, T0)

    await chats.subscribe(chat.id, [OWN], T0)
    await chats.hold_defaults(chat.id, both, T0)

    assert await _rules(chats, "1") == [(cascade, True), (OWN, False)]


async def test_a_chat_that_is_listed_keeps_the_role_it_was_enrolled_with(
    database: Database, chats: ChatDirectory
) -> None:
    enrolments = Enrolments(database)
    for code, address, role in (("A", "1", Role.OWNER), ("B", "2", Role.READER), ("C", "3", Role.OWNER)):
        await enrolments.offer(code, role, expires_at=T0 + 9, now=T0)
        await enrolments.redeem(code, "telegram", address, T0)

    await sync_defaults(database, "telegram", ["9", "1", "2"], standard=standard(), now=T0 + 1)

    assert await _roles(chats, "9", "1", "2", "3") == [Role.OWNER, Role.OWNER, Role.READER, Role.OWNER]


async def test_many_chats_are_brought_in_line_batch_by_batch(database: Database, chats: ChatDirectory) -> None:
    addresses = [str(number) for number in range(1_200)]
    await sync_defaults(database, "telegram", addresses, standard=standard(BTC_RULE), now=T0)

    await sync_defaults(database, "telegram", addresses, standard=standard(NARROWER), now=T0 + 1)

    async with database.read("test") as connection:
        held = (await connection.execute(select(SUBSCRIPTIONS.c.rule_id, func.count()).group_by("rule_id"))).all()
    assert [tuple(row) for row in held] == [(NARROWER.id, 1_200)]


async def test_a_start_tries_a_webhook_that_was_gone_again_and_leaves_a_telegram_chat_to_write(
    database: Database, chats: ChatDirectory
) -> None:
    for channel in ("telegram", "webhook"):
        await sync_defaults(database, channel, ["1"], standard=standard(BTC_RULE), now=T0)
        chat = await chats.chat(channel, "1")
        assert chat is not None
        await chats.mark_dead(chat.id, T0 + 1)

    for channel in ("telegram", "webhook"):
        await sync_defaults(database, channel, ["1"], standard=standard(BTC_RULE), now=T0 + 2)

    found = [await chats.chat(channel, "1") for channel in ("telegram", "webhook")]
    assert [chat.dead_since if chat else 0 for chat in found] == [T0 + 1, None]
