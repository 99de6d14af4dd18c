import pytest

from liqalert.core.rules import Rule, RuleKind
from liqalert.ports import Role
from liqalert.storage.alerts import AlertStore
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.outbox import DeliveryOutbox
from tests.storage.objects import BTC, BTC_RULE, ETH_RULE, T0, alert, near

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
        await sync_defaults(database, "telegram", ["1", "2", "1"], rules=[BTC_RULE, ETH_RULE], now=T0)

    assert await _rules(chats, "1") == [(BTC_RULE, True), (ETH_RULE, True)]
    assert await _rules(chats, "2") == [(BTC_RULE, True), (ETH_RULE, True)]


async def test_the_first_listed_chat_is_the_owner(database: Database, chats: ChatDirectory) -> None:
    await sync_defaults(database, "telegram", ["1", "2"], rules=[], now=T0)
    assert await _roles(chats, "1", "2") == [Role.OWNER, Role.USER]

    await sync_defaults(database, "telegram", ["2", "1"], rules=[], now=T0)
    assert await _roles(chats, "1", "2") == [Role.USER, Role.OWNER]


async def test_a_default_with_old_values_is_replaced(database: Database, chats: ChatDirectory) -> None:
    await sync_defaults(database, "telegram", ["1"], rules=[BTC_RULE, ETH_RULE], now=T0)

    await sync_defaults(database, "telegram", ["1"], rules=[NARROWER], now=T0 + 1)

    assert await _rules(chats, "1") == [(NARROWER, True)]


async def test_a_chats_own_rule_stands_against_the_default(database: Database, chats: ChatDirectory) -> None:
    await sync_defaults(database, "telegram", ["1"], rules=[BTC_RULE, ETH_RULE], now=T0)
    chat = await chats.chat("telegram", "1")
    assert chat is not None
    await chats.subscribe(chat.id, OWN, T0)

    await sync_defaults(database, "telegram", ["1"], rules=[NARROWER, ETH_RULE], now=T0 + 1)

    assert await _rules(chats, "1") == [(OWN, False), (ETH_RULE, True)]


@pytest.mark.parametrize("default", [BTC_RULE, NARROWER])
async def test_what_a_chat_stopped_does_not_come_back(database: Database, chats: ChatDirectory, default: Rule) -> None:
    await sync_defaults(database, "telegram", ["1"], rules=[BTC_RULE, ETH_RULE], now=T0)
    chat = await chats.chat("telegram", "1")
    assert chat is not None
    await chats.unsubscribe(chat.id, BTC, T0)

    await sync_defaults(database, "telegram", ["1"], rules=[default, ETH_RULE], now=T0 + 1)

    assert await _rules(chats, "1") == [(ETH_RULE, True)]


async def test_a_chat_no_longer_listed_loses_access_and_gets_it_back_when_listed_again(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "telegram", ["1", "2"], rules=[BTC_RULE], now=T0)
    before = await chats.chat("telegram", "2")
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)

    await sync_defaults(database, "telegram", ["1"], rules=[BTC_RULE], now=T0 + 1)

    assert await chats.chat("telegram", "2") is None
    assert [delivery.address for delivery in await outbox.due(T0 + 1, 9)] == ["1"]

    await sync_defaults(database, "telegram", ["1", "2"], rules=[BTC_RULE], now=T0 + 2)

    assert await chats.chat("telegram", "2") == before
    assert await _rules(chats, "2") == [(BTC_RULE, True)]


async def test_channels_do_not_touch_each_other(database: Database, chats: ChatDirectory) -> None:
    await sync_defaults(database, "telegram", ["1"], rules=[BTC_RULE], now=T0)
    await sync_defaults(database, "console", ["console"], rules=[ETH_RULE], now=T0)

    console = await chats.chat("console", "console")
    assert console is not None
    assert console.role is Role.OWNER
    assert await _rules(chats, "1") == [(BTC_RULE, True)]
