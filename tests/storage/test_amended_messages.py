"""What belongs to one message: alone, in a digest, in a list; and what can never be amended."""

from __future__ import annotations

import pytest

from liqalert.core.episodes import EpisodeState, Reason
from liqalert.ports import Amended, DeliveryStatus, Outcome
from liqalert.storage.alerts import AlertStore
from liqalert.storage.amendments import MessageAmendments
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.outbox import DeliveryOutbox
from tests.changing import replace
from tests.storage.objects import BTC_RULE, T0, alert, cooling, held, interrupted, near, standard, touched

DAY = 86_400.0


@pytest.mark.usefixtures("sent")
async def test_a_list_and_a_dead_chat_are_left_alone(
    alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory, amendments: MessageAmendments
) -> None:
    await alerts.record([touched()])
    await chats.mark_dead(1, T0)
    dead = await amendments.amendments(T0 + 99, 5)
    await chats.revive(1)
    await outbox.settle([Outcome(1, DeliveryStatus.SENT, 2, T0 + 2, T0 + 2, None)])

    assert dead == await amendments.amendments(T0 + 99, 5) == ()


@pytest.mark.usefixtures("sent")
async def test_a_digest_comes_as_one(alerts: AlertStore, outbox: DeliveryOutbox, amendments: MessageAmendments) -> None:
    await alerts.record_notice(alert("a2"))
    await outbox.fan_out(alert("a2"), T0)
    digest = [Outcome(id_, DeliveryStatus.SENT, 1, T0 + 1, T0 + 1, "77,78", in_digest=True) for id_ in (1, 2)]
    await outbox.settle(digest)
    await alerts.record([touched()])

    [amendment] = await amendments.amendments(T0 + 99, 5)

    assert amendment.in_digest
    assert [each.told.alert.id for each in amendment.deliveries] == ["a1", "a2"]


@pytest.mark.usefixtures("sent")
async def test_a_digest_says_which_of_its_alerts_it_shows_as_they_stand(
    alerts: AlertStore, outbox: DeliveryOutbox, amendments: MessageAmendments
) -> None:
    """The first has cooled since its outcome was shown, the second is touched now, the third as it was told."""
    others = [replace(near().episode, id=f"e{number}", alert_id=f"a{number}") for number in (2, 3)]
    for one in others:
        await alerts.record([replace(near(), episode=one, alert=alert(one.alert_id, episode_id=one.id))])
        await outbox.fan_out(alert(one.alert_id), T0)
    await outbox.settle(
        [Outcome(id_, DeliveryStatus.SENT, 1, T0 + id_, T0 + 1, "77", in_digest=True) for id_ in (1, 2, 3)]
    )
    await alerts.record([touched(), held(), cooling()])
    [amendment] = await amendments.amendments(T0 + 999, 5)
    await amendments.settle_amendments([Amended(amendment, "77")])

    await alerts.record([replace(touched(), episode=replace(others[0], state=EpisodeState.TOUCHED, since=T0 + 200))])

    [again] = await amendments.amendments(T0 + 999, 5)
    assert [(one.told.alert.id, one.shown) for one in again.deliveries] == [
        ("a1", EpisodeState.COOLING),
        ("a2", None),
        ("a3", EpisodeState.NEAR),
    ]
    assert again.sent_at == T0 + 1


@pytest.mark.usefixtures("sent")
async def test_what_has_held_is_no_news_when_its_zone_is_made_anew(
    alerts: AlertStore, amendments: MessageAmendments
) -> None:
    await alerts.record([touched(), held(), cooling()])
    [amendment] = await amendments.amendments(T0 + 999, 5)
    await amendments.settle_amendments([Amended(amendment, "77")])

    anew = replace(cooling().episode, state=EpisodeState.IDLE, since=T0 + 400)
    await alerts.record([replace(interrupted(), episode=anew, previous=EpisodeState.COOLING, at=T0 + 400)])

    assert await amendments.amendments(T0 + 999, 5) == ()


@pytest.mark.usefixtures("sent")
async def test_a_rule_that_nobody_holds_any_more_is_no_outcome(
    alerts: AlertStore, outbox: DeliveryOutbox, amendments: MessageAmendments
) -> None:
    """Nor where another alert of the same digest has one."""
    await alerts.record([interrupted(Reason.RULE_GONE)])
    assert await amendments.amendments(T0 + 999, 5) == ()
    other = replace(near().episode, id="e2", alert_id="a2")
    await alerts.record([replace(near(), episode=other, alert=alert("a2", episode_id="e2"))])
    await outbox.fan_out(alert("a2"), T0)
    await outbox.settle([Outcome(id_, DeliveryStatus.SENT, 1, T0, T0, "77", in_digest=True) for id_ in (1, 2)])

    await alerts.record([replace(touched(), episode=replace(other, state=EpisodeState.TOUCHED, since=T0 + 200))])

    [amendment] = await amendments.amendments(T0 + 999, 5)
    assert [one.told.episode is None for one in amendment.deliveries] == [True, False]


async def test_messages_that_are_alone_may_have_the_same_number(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, amendments: MessageAmendments
) -> None:
    """The console counts from 1 at every start."""
    await sync_defaults(database, "console", ["console"], standard=standard(BTC_RULE), now=T0)
    await alerts.record([near()])
    await alerts.record_notice(alert("a2", episode_id=None))
    for number, name in enumerate(("a1", "a2"), start=1):
        await outbox.fan_out(alert(name), T0)
        await outbox.settle([Outcome(number, DeliveryStatus.SENT, 1, T0, T0, "1")])
    await alerts.record([touched()])

    [amendment] = await amendments.amendments(T0 + 999, 5)

    assert [one.told.alert.id for one in amendment.deliveries] == ["a1"]


@pytest.mark.parametrize("status", [DeliveryStatus.LATE, DeliveryStatus.HELD])
async def test_a_list_says_how_things_stood_and_stays_as_it_is(
    database: Database,
    alerts: AlertStore,
    outbox: DeliveryOutbox,
    amendments: MessageAmendments,
    status: DeliveryStatus,
) -> None:
    await sync_defaults(database, "telegram", ["5"], standard=standard(BTC_RULE), now=T0)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    await outbox.settle([Outcome(1, status, 0, T0 + 1, T0 + 1)])
    await alerts.record([touched()])
    await outbox.settle([Outcome(1, DeliveryStatus.SENT, 1, T0 + 95, T0 + 95, "77")])

    await alerts.record([held()])

    assert await amendments.amendments(T0 + 999, 5) == ()


async def test_what_waited_and_then_joined_a_digest_is_amended_with_it(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, amendments: MessageAmendments
) -> None:
    await sync_defaults(database, "telegram", ["5"], standard=standard(BTC_RULE), now=T0)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    await outbox.settle([Outcome(1, DeliveryStatus.LATE, 0, T0 + 1, T0 + 1)])
    await outbox.settle([Outcome(1, DeliveryStatus.SENT, 1, T0 + 2, T0 + 2, "77", in_digest=True)])

    await alerts.record([touched()])

    assert [each.message_id for each in await amendments.amendments(T0 + 999, 5)] == ["77"]


@pytest.mark.usefixtures("sent")
async def test_messages_of_a_group_that_moved_stay_as_they_are(
    alerts: AlertStore, chats: ChatDirectory, amendments: MessageAmendments
) -> None:
    """Their numbers mean other messages where the group is now."""
    await alerts.record([touched()])
    await chats.migrate("telegram", "5", "-1005")
    moved = await amendments.amendments(T0 + 999, 5)

    await alerts.record([held()])

    assert moved == await amendments.amendments(T0 + 999, 5) == ()
