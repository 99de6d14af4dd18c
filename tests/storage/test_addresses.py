import pytest

from liqalert.core.rules import Rule, RuleKind
from liqalert.ports import Chat, DeliveryStatus, Outcome, Preferences, Role
from liqalert.storage.alerts import AlertStore
from liqalert.storage.amendments import MessageAmendments
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.enrolment import Enrolments
from liqalert.storage.outbox import DeliveryOutbox
from tests.storage.objects import BTC, BTC_RULE, ETH_RULE, T0, alert, near, notice, standard, touched

WIDER = Rule(RuleKind.NEAR, BTC, 2.5, 0.4)
EVERYTHING = Rule(RuleKind.NEAR, None, 1.0, 0.9)


@pytest.fixture
async def chat(database: Database, chats: ChatDirectory) -> Chat:
    """The owner's, with the default rules for BTC and ETH."""
    await sync_defaults(database, "telegram", ["42"], standard=standard(BTC_RULE, ETH_RULE), now=T0)
    return await _chat(chats, "42")


async def _chat(chats: ChatDirectory, address: str) -> Chat:
    found = await chats.chat("telegram", address)
    assert found is not None
    return found


async def _held(chats: ChatDirectory, chat: Chat) -> list[tuple[str, bool]]:
    return [(held.rule.id, held.from_default) for held in await chats.subscriptions(chat.id)]


async def test_a_group_that_became_a_supergroup_keeps_everything(
    alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory, chat: Chat
) -> None:
    await chats.subscribe(chat.id, [WIDER], T0)
    await alerts.record([near()])
    mine = notice("t1", kind="test", only_chat=chat.id)
    await alerts.record_notice(mine)
    await outbox.fan_out(mine, T0)

    await chats.migrate("telegram", "42", "-10042")

    assert await chats.chat("telegram", "42") is None
    assert await _chat(chats, "-10042") == Chat(chat.id, "telegram", "-10042", Role.OWNER)
    assert WIDER in [held.rule for held in await chats.subscriptions(chat.id)]
    assert [delivery.address for delivery in await outbox.due(T0, 9)] == ["-10042"]


async def test_a_moved_group_is_still_allowed_after_a_restart(
    database: Database, chats: ChatDirectory, chat: Chat
) -> None:
    await chats.migrate("telegram", "42", "-10042")

    for listed in (["42"], ["-10042"], ["42", "-10042"]):
        await sync_defaults(database, "telegram", listed, standard=standard(BTC_RULE), now=T0)

        assert await _chat(chats, "-10042") == Chat(chat.id, "telegram", "-10042", Role.OWNER)
        assert await chats.chat("telegram", "42") is None


async def test_two_rows_of_one_group_become_one(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "telegram", ["42", "-10042"], standard=standard(BTC_RULE), now=T0)
    old, new = await _chat(chats, "42"), await _chat(chats, "-10042")
    await chats.subscribe(new.id, [EVERYTHING], T0)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    mine = notice("t1", kind="test", only_chat=new.id)
    await alerts.record_notice(mine)
    await outbox.fan_out(mine, T0)

    await chats.migrate("telegram", "42", "-10042")

    merged = await _chat(chats, "-10042")
    assert merged == Chat(old.id, "telegram", "-10042", Role.OWNER)
    assert await _held(chats, merged) == [("near:*:1:0.9", False), ("near:binance:BTCUSDT:1:0.6", True)]
    assert [(one.alert.id, one.address) for one in await outbox.due(T0, 9)] == [("a1", "-10042"), ("t1", "-10042")]


async def test_moving_an_unknown_chat_changes_nothing(chats: ChatDirectory, chat: Chat) -> None:
    await chats.migrate("telegram", "99", "42")

    assert await _chat(chats, "42") == chat


async def _enrolled(database: Database, *addresses: str) -> Enrolments:
    """By codes, with row numbers from 1 on."""
    enrolments = Enrolments(database)
    for number, address in enumerate(addresses):
        await enrolments.offer(f"C{number}", Role.USER, expires_at=T0 + 600, now=T0)
        await enrolments.redeem(f"C{number}", "telegram", address, T0)
    return enrolments


async def test_topics_move_with_their_chat_and_nothing_else_does(database: Database, chats: ChatDirectory) -> None:
    enrolments = await _enrolled(database, "-12/7", "-12", "-12/45", "-123/7", "-1_/3")

    await chats.migrate("telegram", "-12", "-10012")

    assert [(each.id, each.address) for each in await enrolments.chats()] == [
        (1, "-10012/7"),
        (2, "-10012"),
        (3, "-10012/45"),
        (4, "-123/7"),
        (5, "-1_/3"),
    ]


async def test_topics_move_though_their_chat_itself_is_not_enrolled(database: Database, chats: ChatDirectory) -> None:
    enrolments = await _enrolled(database, "-12/7")

    await chats.migrate("telegram", "-12", "-10012")

    assert [each.address for each in await enrolments.chats()] == ["-10012/7"]


async def test_a_topic_that_is_no_more_goes_into_its_chat_which_stays_as_it_is(
    database: Database, chats: ChatDirectory
) -> None:
    enrolments = await _enrolled(database, "-100/7", "-100")
    await chats.prefer(1, Preferences(numbers="1.234,5"))
    await chats.prefer(2, Preferences(min_strength=0.8))
    await chats.subscribe(2, [WIDER], T0)
    await chats.subscribe(1, [BTC_RULE, ETH_RULE], T0)

    await chats.migrate("telegram", "-100/7", "-100")

    [left] = await enrolments.chats()
    assert (left.id, left.address, left.preferences) == (2, "-100", Preferences(min_strength=0.8))
    assert [held.rule for held in await chats.subscriptions(2)] == [WIDER, ETH_RULE]


async def test_a_topic_that_is_no_more_becomes_its_chat_where_that_was_not_enrolled(
    alerts: AlertStore, outbox: DeliveryOutbox, database: Database, chats: ChatDirectory
) -> None:
    """What was sent there can still be amended: the messages are in the same chat."""
    enrolments = await _enrolled(database, "-100/7")
    await chats.subscribe(1, [BTC_RULE], T0)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    await outbox.settle([Outcome(1, DeliveryStatus.SENT, 1, T0 + 1, T0 + 1, "77")])

    await chats.migrate("telegram", "-100/7", "-100")
    await alerts.record([touched()])

    assert [(each.id, each.address) for each in await enrolments.chats()] == [(1, "-100")]
    amendments = await MessageAmendments(database).amendments(T0 + 999, 5)
    assert [(each.address, each.message_id) for each in amendments] == [("-100", "77")]


async def test_a_chat_that_died_takes_its_topics_along_and_a_topic_only_itself(
    database: Database, chats: ChatDirectory
) -> None:
    enrolments = await _enrolled(database, "-12", "-12/7", "-12/45", "-123")

    await chats.mark_dead(2, T0 + 1)
    assert [each.dead_since for each in await enrolments.chats()] == [None, T0 + 1, None, None]

    await chats.mark_dead(1, T0 + 2)
    assert [each.dead_since for each in await enrolments.chats()] == [T0 + 2, T0 + 1, T0 + 2, None]


async def test_a_chat_is_found_with_its_topics_that_are_allowed(database: Database, chats: ChatDirectory) -> None:
    enrolments = await _enrolled(database, "-12", "-12/7", "-12/45", "-123")
    await enrolments.remove(2, T0 + 1)

    found = await chats.chat_and_topics("telegram", "-12")

    assert [each.address for each in found] == ["-12", "-12/45"]
    assert await chats.chat_and_topics("console", "-12") == ()


async def test_who_is_reached_in_one_topic_is_reached_in_all(database: Database, chats: ChatDirectory) -> None:
    enrolments = await _enrolled(database, "-12", "-12/7", "-12/45", "-123")
    for chat_id in (1, 4):
        await chats.mark_dead(chat_id, T0 + 1)

    await chats.revive(3)

    assert [each.dead_since for each in await enrolments.chats()] == [None, None, None, T0 + 1]


async def test_what_a_dead_chats_topic_was_owed_is_given_up(
    alerts: AlertStore, outbox: DeliveryOutbox, database: Database, chats: ChatDirectory
) -> None:
    await _enrolled(database, "-12", "-12/7")
    await chats.subscribe(2, [BTC_RULE], T0)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)

    await chats.mark_dead(1, T0 + 1)

    assert await outbox.due(T0 + 9, 9) == ()


async def test_marking_a_row_that_is_no_more_changes_nothing(chats: ChatDirectory, chat: Chat) -> None:
    await chats.mark_dead(99, T0)
    await chats.revive(99)

    assert await _chat(chats, "42") == chat
