"""What is remembered gives the same answer as the database."""

import pytest
from sqlalchemy import update

from liqalert.core.alerts import Alert
from liqalert.core.rules import Rule, RuleKind
from liqalert.delivery.remembered import RememberedAudience
from liqalert.ports import Loudness, Preferences, Recipient, Role
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.roster import ChatRoster
from liqalert.storage.tables import CHATS
from tests.changing import replace
from tests.storage.objects import BTC, BTC_RULE, ETH, ETH_RULE, T0, alert, cascade, notice, standard
from tests.storage.subscribers import subscribers

NEAR_ALL = replace(BTC_RULE, instrument=None)
CASCADE_ALL = Rule(RuleKind.CASCADE, None, 0.0, 0.6)


async def _population(database: Database, chats: ChatDirectory) -> None:
    """Chat 1 is the owner; each of the others has said something of its own."""
    addresses = [str(number) for number in range(1, 9)]
    await sync_defaults(database, "telegram", addresses, standard=standard(BTC_RULE), now=T0)
    await sync_defaults(database, "console", ["console"], standard=standard(BTC_RULE), now=T0)
    await chats.unsubscribe(2, BTC, T0)
    await chats.mark_dead(3, T0)
    await chats.subscribe(4, [NEAR_ALL, CASCADE_ALL], T0)
    await chats.subscribe(5, [CASCADE_ALL, ETH_RULE], T0)
    await chats.unsubscribe(5, ETH, T0)
    await chats.mute(6, BTC, T0 + 60)
    await chats.mute(7, None, T0 + 90)
    await chats.prefer(8, Preferences(loudness=((RuleKind.NEAR, Loudness.SILENT),)))


@pytest.mark.parametrize(
    "what",
    [
        alert(),
        replace(alert(), rule=NEAR_ALL),
        replace(alert(), rule=ETH_RULE),
        cascade(rule=CASCADE_ALL),
        notice(),
        notice(only_chat=2, kind="test"),
        notice(kind="watching"),
    ],
    ids=["a rule", "the rule for all", "nobody's rule", "cascades of all", "notice", "test", "watching"],
)
async def test_whom_an_alert_concerns_is_the_same_from_memory(
    database: Database, chats: ChatDirectory, outbox: DeliveryOutbox, what: Alert
) -> None:
    await _population(database, chats)
    remembered = RememberedAudience(ChatRoster(database))
    await remembered.refresh()

    for now in (T0, T0 + 75, T0 + 100):
        stored = {recipient.chat_id: recipient for recipient in await outbox.recipients(what, now)}
        from_memory = {recipient.chat_id: recipient for recipient in remembered.recipients(what, now)}
        assert from_memory.keys() == stored.keys()
        for chat_id, recipient in stored.items():
            assert _told(from_memory[chat_id], now) == _told(recipient, now)


def _told(recipient: Recipient, now: float) -> tuple[str, Preferences, bool]:
    muted = recipient.muted_until is not None and now < recipient.muted_until
    return recipient.address, recipient.preferences, muted


async def test_owners_are_remembered_before_the_others(database: Database) -> None:
    await subscribers(database, 5)
    async with database.write("test") as connection:
        await connection.execute(update(CHATS).where(CHATS.c.id == 4).values(role=Role.OWNER))

    members = await ChatRoster(database).members(2)

    assert [member.chat.id for member in members] == [4, 1]
