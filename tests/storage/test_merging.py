"""Two rows of one chat become one: 1 is the group, 2 the supergroup that it became."""

import pytest
from sqlalchemy import select

from liqalert.core.rules import Rule, RuleKind
from liqalert.ports import Attempt, Chat, DeliveryStatus, Mute, Outcome, Preferences, Role
from liqalert.storage.alerts import AlertStore
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.enrolment import Enrolments
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.tables import CHATS
from tests.storage.objects import BTC, BTC_RULE, ETH, ETH_RULE, T0, alert, near, standard

WIDER = Rule(RuleKind.NEAR, BTC, 2.5, 0.4)
LOUDER = Preferences(min_strength=0.5)
EURO = Preferences(numbers="1.234,5")


@pytest.fixture
async def two(database: Database) -> Enrolments:
    """Rows 1 and 2, with the default rule for BTC."""
    enrolments = Enrolments(database)
    await sync_defaults(database, "telegram", ["-1", "-1001"], standard=standard(BTC_RULE), now=T0)
    return enrolments


async def _merged(enrolments: Enrolments, chats: ChatDirectory) -> Chat:
    await chats.migrate("telegram", "-1", "-1001")
    [left] = await enrolments.chats()
    return left


async def test_the_chat_is_owner_and_enrolled_where_either_was(
    database: Database, chats: ChatDirectory, two: Enrolments
) -> None:
    await two.offer("C", Role.OWNER, expires_at=T0 + 9, now=T0)
    await two.redeem("C", "telegram", "-1001", T0)
    await sync_defaults(database, "telegram", ["5", "-1"], standard=standard(), now=T0)

    await chats.migrate("telegram", "-1", "-1001")

    async with database.read("test") as connection:
        row = (await connection.execute(select(CHATS).where(CHATS.c.id == 1))).mappings().one()
    assert (row["role"], row["paired"], row["address"]) == ("owner", True, "-1001")


async def test_the_chat_is_alive_where_either_was(chats: ChatDirectory, two: Enrolments) -> None:
    await chats.mark_dead(1, T0)

    assert (await _merged(two, chats)).dead_since is None


async def test_a_dead_chat_that_was_dead_twice_stays_dead(chats: ChatDirectory, two: Enrolments) -> None:
    await chats.mark_dead(1, T0)
    await chats.mark_dead(2, T0 + 5)

    assert (await _merged(two, chats)).dead_since == T0


@pytest.mark.parametrize(("first", "second", "kept"), [(LOUDER, EURO, LOUDER), (None, EURO, EURO)], ids=["both", "one"])
async def test_preferences_are_kept(
    chats: ChatDirectory, two: Enrolments, first: Preferences | None, second: Preferences, kept: Preferences
) -> None:
    if first is not None:
        await chats.prefer(1, first)
    await chats.prefer(2, second)

    assert (await _merged(two, chats)).preferences == kept


async def test_a_rule_of_its_own_goes_before_a_default_one(chats: ChatDirectory, two: Enrolments) -> None:
    await chats.subscribe(2, [WIDER], T0)

    await _merged(two, chats)

    assert [(held.rule, held.from_default) for held in await chats.subscriptions(1)] == [(WIDER, False)]


async def test_of_two_rules_of_its_own_the_first_stays(chats: ChatDirectory, two: Enrolments) -> None:
    await chats.subscribe(1, [BTC_RULE], T0)
    await chats.subscribe(2, [WIDER, ETH_RULE], T0)

    await _merged(two, chats)

    assert [held.rule for held in await chats.subscriptions(1)] == [BTC_RULE, ETH_RULE]


async def test_what_one_has_stopped_is_stopped(chats: ChatDirectory, two: Enrolments) -> None:
    await chats.unsubscribe(2, BTC, T0)

    await _merged(two, chats)

    assert await chats.subscriptions(1) == ()


async def test_mutes_are_taken_along(chats: ChatDirectory, two: Enrolments) -> None:
    await chats.mute(1, BTC, T0 + 60)
    await chats.mute(2, BTC, T0 + 600)
    await chats.mute(2, ETH, T0 + 600)

    await _merged(two, chats)

    assert await chats.mutes(1, T0) == (Mute(BTC, T0 + 60), Mute(ETH, T0 + 600))


async def test_nothing_is_muted_longer_than_the_chat_can_see(
    alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory, two: Enrolments
) -> None:
    await chats.mute(1, BTC, T0 + 60)
    await chats.subscribe(2, [WIDER], T0)
    await chats.mute(2, BTC, T0 + 600)

    await _merged(two, chats)

    told = alert("a1", rule=WIDER)
    await alerts.record_notice(told)
    assert [one.muted_until for one in await outbox.recipients(told, T0)] == [T0 + 60]
    assert [one.muted_until for one in await outbox.recipients(told, T0 + 100)] == [None]


async def test_an_alert_told_to_both_was_told_once(
    alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory, two: Enrolments
) -> None:
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    sent = [Outcome(id_, DeliveryStatus.SENT, 1, T0 + id_, T0 + 1, "7", attempted=True) for id_ in (1, 2)]
    await outbox.settle(sent)

    await _merged(two, chats)

    row = await alerts.why("a1")
    assert row is not None
    assert [(one.address, one.history) for one in row.deliveries] == [("-1001", (Attempt(T0 + 1, None),))]
