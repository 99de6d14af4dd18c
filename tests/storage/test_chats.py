import pytest

from liqalert.core.rules import Rule, RuleKind
from liqalert.ports import Chat, Role, Subscription
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from tests.storage.objects import BTC, BTC_RULE, CHINESE, ETH_RULE, T0, standard

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


async def test_a_listed_chat_is_known_and_a_stranger_is_not(chats: ChatDirectory, chat: Chat) -> None:
    assert chat == Chat(chat.id, "telegram", "42", Role.OWNER)
    assert await chats.chat("telegram", "43") is None
    assert await chats.chat("console", "42") is None


async def test_a_rule_takes_the_place_of_the_one_for_the_same_instrument(chats: ChatDirectory, chat: Chat) -> None:
    await chats.subscribe(chat.id, [WIDER], T0)

    assert await chats.subscriptions(chat.id) == (
        Subscription(WIDER, False),
        Subscription(ETH_RULE, True),
    )


async def test_subscribing_twice_is_once(chats: ChatDirectory, chat: Chat) -> None:
    await chats.subscribe(chat.id, [BTC_RULE], T0)
    await chats.subscribe(chat.id, [BTC_RULE], T0)

    assert await _held(chats, chat) == [("near:binance:BTCUSDT:1:0.6", False), ("near:binance:ETHUSDT:1:0.6", True)]


async def test_a_rule_for_everything_stands_beside_the_others(chats: ChatDirectory, chat: Chat) -> None:
    await chats.subscribe(chat.id, [EVERYTHING], T0)

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

    await chats.subscribe(chat.id, [rule], T0)

    assert rule in await chats.rules()
    assert await chats.unsubscribe(chat.id, CHINESE, T0) is True


async def test_rules_of_dead_and_removed_chats_do_not_count(
    database: Database, chats: ChatDirectory, chat: Chat
) -> None:
    await chats.mark_dead(chat.id, T0 + 1)
    assert await chats.rules() == ()

    await chats.revive(chat.id)
    assert await chats.rules() == (BTC_RULE, ETH_RULE)

    await sync_defaults(database, "telegram", [], standard=standard(BTC_RULE), now=T0)
    assert await chats.rules() == ()


async def test_a_dead_chat_keeps_the_time_it_died(chats: ChatDirectory, chat: Chat) -> None:
    await chats.mark_dead(chat.id, T0 + 1)
    await chats.mark_dead(chat.id, T0 + 2)

    assert (await _chat(chats, "42")).dead_since == T0 + 1
