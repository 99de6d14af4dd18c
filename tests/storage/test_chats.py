import pytest

from liqalert.core.rules import Rule, RuleKind
from liqalert.ports import Chat, Role, Subscription
from liqalert.storage.alerts import AlertStore
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.outbox import DeliveryOutbox
from tests.storage.objects import BTC, BTC_RULE, CHINESE, ETH_RULE, T0, alert, near, notice

WIDER = Rule(RuleKind.NEAR, BTC, 2.5, 0.4)
EVERYTHING = Rule(RuleKind.NEAR, None, 1.0, 0.9)


@pytest.fixture
async def chat(database: Database, chats: ChatDirectory) -> Chat:
    """The owner's, with the default rules for BTC and ETH."""
    await sync_defaults(database, "telegram", ["42"], rules=[BTC_RULE, ETH_RULE], now=T0)
    return await _chat(chats, "42")


async def _chat(chats: ChatDirectory, address: str) -> Chat:
    found = await chats.chat("telegram", address)
    assert found is not None
    return found


async def _held(chats: ChatDirectory, chat: Chat) -> list[tuple[str, bool]]:
    return [(held.rule.id, held.from_default) for held in await chats.subscriptions(chat.id)]


async def test_a_listed_chat_is_known_and_a_stranger_is_not(chats: ChatDirectory, chat: Chat) -> None:
    assert chat == Chat(chat.id, "telegram", "42", Role.OWNER)
    assert await chats.chat("telegram", "43") is None
    assert await chats.chat("console", "42") is None


async def test_a_rule_takes_the_place_of_the_one_for_the_same_instrument(chats: ChatDirectory, chat: Chat) -> None:
    await chats.subscribe(chat.id, WIDER, T0)

    assert await chats.subscriptions(chat.id) == (
        Subscription(WIDER, "loud", False),
        Subscription(ETH_RULE, "loud", True),
    )


async def test_subscribing_twice_is_once(chats: ChatDirectory, chat: Chat) -> None:
    await chats.subscribe(chat.id, BTC_RULE, T0)
    await chats.subscribe(chat.id, BTC_RULE, T0)

    assert await _held(chats, chat) == [("near:binance:BTCUSDT:1:0.6", False), ("near:binance:ETHUSDT:1:0.6", True)]


async def test_a_rule_for_everything_stands_beside_the_others(chats: ChatDirectory, chat: Chat) -> None:
    await chats.subscribe(chat.id, EVERYTHING, T0)

    assert await chats.rules() == (EVERYTHING, BTC_RULE, ETH_RULE)
    assert await chats.unsubscribe(chat.id, None, T0) is True
    assert await chats.rules() == (BTC_RULE, ETH_RULE)


async def test_unsubscribing_says_whether_there_was_anything(chats: ChatDirectory, chat: Chat) -> None:
    assert await chats.unsubscribe(chat.id, BTC, T0) is True
    assert await chats.unsubscribe(chat.id, BTC, T0) is False
    assert await chats.unsubscribe(chat.id, CHINESE, T0) is False
    assert await _held(chats, chat) == [("near:binance:ETHUSDT:1:0.6", True)]


async def test_symbols_in_any_script_can_be_watched(chats: ChatDirectory, chat: Chat) -> None:
    rule = Rule(RuleKind.NEAR, CHINESE, 1.0, 0.6)

    await chats.subscribe(chat.id, rule, T0)

    assert rule in await chats.rules()
    assert await chats.unsubscribe(chat.id, CHINESE, T0) is True


async def test_rules_of_dead_and_removed_chats_do_not_count(
    database: Database, chats: ChatDirectory, chat: Chat
) -> None:
    await chats.mark_dead(chat.id, T0 + 1)
    assert await chats.rules() == ()

    await chats.revive(chat.id)
    assert await chats.rules() == (BTC_RULE, ETH_RULE)

    await sync_defaults(database, "telegram", [], rules=[BTC_RULE], now=T0)
    assert await chats.rules() == ()


async def test_a_dead_chat_keeps_the_time_it_died(chats: ChatDirectory, chat: Chat) -> None:
    await chats.mark_dead(chat.id, T0 + 1)
    await chats.mark_dead(chat.id, T0 + 2)

    assert (await _chat(chats, "42")).dead_since == T0 + 1


async def test_a_group_that_became_a_supergroup_keeps_everything(
    alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory, chat: Chat
) -> None:
    await chats.subscribe(chat.id, WIDER, T0)
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
        await sync_defaults(database, "telegram", listed, rules=[BTC_RULE], now=T0)

        assert await _chat(chats, "-10042") == Chat(chat.id, "telegram", "-10042", Role.OWNER)
        assert await chats.chat("telegram", "42") is None


async def test_two_rows_of_one_group_become_one(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "telegram", ["42", "-10042"], rules=[BTC_RULE], now=T0)
    old, new = await _chat(chats, "42"), await _chat(chats, "-10042")
    await chats.subscribe(new.id, EVERYTHING, T0)
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
