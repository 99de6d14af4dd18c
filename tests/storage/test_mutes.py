from collections.abc import Sequence

import pytest
from sqlalchemy import select

from liqalert.core.alerts import Alert
from liqalert.core.episodes import Decision, EpisodeState, Raised, Reason, Transition, ZoneEnded, ZoneOpened
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.zones import ZoneEnd
from liqalert.ports import Mute
from liqalert.storage.alerts import AlertStore
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.tables import SUBSCRIPTIONS
from tests.changing import replace
from tests.storage.objects import (
    BTC,
    BTC_RULE,
    ETH,
    ETH_RULE,
    EVIDENCE,
    T0,
    alert,
    episode,
    held,
    interrupted,
    near,
    touched,
    zone,
)
from tests.storage.subscribers import fanned_out, subscribers

GROWN = Rule(RuleKind.GROWN, BTC, 1.0, 0.6)
ANEW = Transition(episode(id="e9", since=T0 + 95), EpisodeState.IDLE, T0 + 95, Reason.BEYOND_REARM_DISTANCE, EVIDENCE)


async def muted_until(outbox: DeliveryOutbox, *rules: Rule) -> list[float | None]:
    """For whoever is told by each of `rules`."""
    told = [replace(alert(), rule=rule, zone=replace(zone(), instrument=rule.instrument)) for rule in rules]
    return [recipient.muted_until for each in told for recipient in await outbox.recipients(each, T0)]


async def test_a_mute_of_the_instrument_holds_for_rules_on_all_and_for_later_ones(
    database: Database, chats: ChatDirectory, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 2)
    await chats.mute(1, BTC_RULE.instrument, T0 + 60)
    await chats.mute(2, ETH_RULE.instrument, T0 + 60)

    assert await fanned_out(outbox, alerts, alert()) == [("telegram", "1")]
    assert await chats.mutes(1, T0) == (Mute(BTC_RULE.instrument, T0 + 60),)
    assert await chats.mutes(1, T0 + 60) == ()
    assert await chats.unmute(1) is True
    assert await chats.unmute(1) is False
    assert len(await outbox.recipients(alert(), T0)) == 2


async def test_growth_of_an_acknowledged_zone_is_spared(
    database: Database, chats: ChatDirectory, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    rule = Rule(RuleKind.GROWN, BTC_RULE.instrument, 1.0, 0.6)
    await subscribers(database, 2)
    for chat_id in (1, 2):
        await chats.subscribe(chat_id, [rule], T0)
    await alerts.record([near()])
    growth = replace(alert("g1"), kind="grown", rule=rule, episode_id=None, step=0.75)
    await alerts.record([Raised(growth, T0)])

    assert await chats.acknowledge(1, "a1") is True
    assert await chats.acknowledge(1, "unknown") is False

    assert [each.acknowledged for each in await outbox.recipients(growth, T0)] == [True, False]
    await outbox.fan_out(growth, T0)
    assert [delivery.chat_id for delivery in await outbox.due(T0, 5)] == [2]


@pytest.fixture
async def growth(database: Database, chats: ChatDirectory, alerts: AlertStore) -> Alert:
    """Growth of the zone that chat 1, which wants to know of it, has been told of by a1."""
    await subscribers(database, 1)
    await chats.subscribe(1, [GROWN], T0)
    await alerts.record([near()])
    return replace(alert("g1"), kind="grown", rule=GROWN, episode_id=None, step=0.75)


async def _spared(outbox: DeliveryOutbox, growth: Alert) -> bool:
    [recipient] = await outbox.recipients(growth, T0)
    return recipient.acknowledged


async def test_what_was_acknowledged_stays_so_while_its_zone_is_rewritten(
    chats: ChatDirectory, alerts: AlertStore, outbox: DeliveryOutbox, growth: Alert
) -> None:
    await alerts.record([interrupted()])

    assert await chats.acknowledge(1, "a1") is True
    assert await _spared(outbox, growth) is True


@pytest.mark.parametrize(
    "end",
    [
        pytest.param((touched(), held()), id="held"),
        pytest.param((interrupted(Reason.RULE_GONE),), id="rule gone"),
        pytest.param((interrupted(), ANEW), id="armed anew"),
        pytest.param((ZoneOpened(zone(), T0), interrupted(), ZoneEnded(zone(), T0 + 95, ZoneEnd.EXPIRED)), id="ended"),
    ],
)
async def test_an_episode_that_is_over_cannot_be_acknowledged_and_spares_nothing(
    chats: ChatDirectory, alerts: AlertStore, outbox: DeliveryOutbox, growth: Alert, end: Sequence[Decision]
) -> None:
    assert await chats.acknowledge(1, "a1") is True

    await alerts.record(end)

    assert await _spared(outbox, growth) is False
    assert await chats.acknowledge(1, "a1") is False


async def test_episodes_of_one_rule_are_acknowledged_beside_each_other(
    chats: ChatDirectory, alerts: AlertStore, outbox: DeliveryOutbox, growth: Alert
) -> None:
    """A rule for all instruments, or on both sides of the price, has several."""
    other = replace(near().episode, id="e2", zone_id="z2", alert_id="a2")
    await alerts.record([replace(near(), episode=other, alert=alert("a2", episode_id="e2"))])

    assert await chats.acknowledge(1, "a1") is True
    assert await chats.acknowledge(1, "a2") is True

    assert await _spared(outbox, growth) is True
    assert await _spared(outbox, replace(growth, zone=zone("z2"))) is True
    assert await _spared(outbox, replace(growth, zone=zone("z3"))) is False


@pytest.mark.usefixtures("growth")
async def test_acknowledged_episodes_are_forgotten_when_they_are_over(
    database: Database, chats: ChatDirectory, alerts: AlertStore
) -> None:
    await chats.acknowledge(1, "a1")
    other = replace(near().episode, id="e2", zone_id="z2", alert_id="a2")
    await alerts.record([touched(), held(), replace(near(), episode=other, alert=alert("a2", episode_id="e2"))])

    await chats.acknowledge(1, "a2")

    async with database.read("test") as connection:
        kept = select(SUBSCRIPTIONS.c.ack).where(SUBSCRIPTIONS.c.rule_id == BTC_RULE.id)
        assert await connection.scalar(kept) == "e2"


@pytest.mark.usefixtures("growth")
async def test_who_no_longer_holds_the_rule_has_nothing_to_acknowledge(chats: ChatDirectory) -> None:
    await chats.subscribe(1, [replace(BTC_RULE, distance_pct=2.0)], T0)

    assert await chats.acknowledge(1, "a1") is False


async def test_a_mute_of_everything_comes_first_and_covers_what_is_subscribed_later(
    database: Database, chats: ChatDirectory, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)
    await chats.mute(1, BTC, T0 + 600)
    await chats.mute(1, None, T0 + 60)
    await chats.subscribe(1, [ETH_RULE], T0)

    assert await chats.mutes(1, T0) == (Mute(None, T0 + 60), Mute(BTC, T0 + 600))
    assert await muted_until(outbox, BTC_RULE, ETH_RULE) == [T0 + 600, T0 + 60]


async def test_a_mute_again_takes_the_place_of_the_earlier_one(
    database: Database, chats: ChatDirectory, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)
    await chats.mute(1, BTC, T0 + 600)

    await chats.mute(1, BTC, T0 + 60)

    assert await chats.mutes(1, T0) == (Mute(BTC, T0 + 60),)
    assert await muted_until(outbox, BTC_RULE) == [T0 + 60]


async def test_one_instrument_is_unmuted_and_the_others_stay_muted(
    database: Database, chats: ChatDirectory, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)
    await chats.subscribe(1, [ETH_RULE], T0)
    for instrument in (BTC, ETH):
        await chats.mute(1, instrument, T0 + 60)

    assert await chats.unmute(1, ETH) is True
    assert await chats.unmute(1, ETH) is False

    assert await chats.mutes(1, T0) == (Mute(BTC, T0 + 60),)
    assert await muted_until(outbox, ETH_RULE, BTC_RULE) == [None, T0 + 60]


async def test_unmuting_one_instrument_leaves_a_mute_of_everything(
    database: Database, chats: ChatDirectory, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)
    await chats.mute(1, None, T0 + 60)
    await chats.mute(1, BTC, T0 + 600)

    assert await chats.unmute(1, BTC) is True

    assert await chats.mutes(1, T0) == (Mute(None, T0 + 60),)
    assert await muted_until(outbox, BTC_RULE) == [T0 + 60]


async def test_unmuting_concerns_one_chat(database: Database, chats: ChatDirectory, outbox: DeliveryOutbox) -> None:
    await subscribers(database, 2)
    for chat_id in (1, 2):
        await chats.mute(chat_id, None, T0 + 60)

    await chats.unmute(1)

    assert await muted_until(outbox, BTC_RULE) == [None, T0 + 60]
    assert await chats.mutes(2, T0) == (Mute(None, T0 + 60),)
