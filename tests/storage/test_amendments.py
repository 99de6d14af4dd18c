"""Messages whose episode has moved on since they were sent."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from liqalert.core.episodes import EpisodeState, Reason
from liqalert.ports import Amended, DeliveryStatus, Outcome
from liqalert.storage.alerts import AlertStore
from liqalert.storage.amendments import MessageAmendments
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.outbox import DeliveryOutbox
from tests.changing import replace
from tests.storage.objects import BTC_RULE, T0, alert, cooling, held, interrupted, near, standard, touched

DAY = 86_400.0


@pytest.mark.usefixtures("sent")
async def test_a_message_is_true_until_its_episode_moves_on(alerts: AlertStore, amendments: MessageAmendments) -> None:
    before = await amendments.amendments(T0 + 99, 5)
    moved = touched()
    await alerts.record([moved])

    [amendment] = await amendments.amendments(T0 + 99, 5)

    assert before == ()
    assert (amendment.address, amendment.message_id, amendment.sent_at) == ("5", "77", T0 + 1)
    assert (amendment.in_digest, amendment.attempts) == (False, 0)
    [delivery] = amendment.deliveries
    assert (delivery.delivery_id, delivery.shown) == (1, None)
    assert delivery.told.alert == alert()
    assert delivery.told.episode == moved.episode


@pytest.mark.usefixtures("sent")
async def test_what_was_amended_is_true_again(alerts: AlertStore, amendments: MessageAmendments) -> None:
    await alerts.record([touched()])
    [amendment] = await amendments.amendments(T0 + 99, 5)

    await amendments.settle_amendments([Amended(amendment, "78")])

    assert await amendments.amendments(T0 + 9999, 5) == ()


@pytest.mark.usefixtures("sent")
async def test_what_moved_on_meanwhile_is_amended_again(alerts: AlertStore, amendments: MessageAmendments) -> None:
    moved = touched()
    await alerts.record([moved])
    [amendment] = await amendments.amendments(T0 + 99, 5)
    held = replace(moved.episode, state=EpisodeState.HELD, outcome=EpisodeState.HELD, since=moved.at + 30)
    await alerts.record(
        [replace(moved, episode=held, previous=EpisodeState.TOUCHED, at=moved.at + 30, reason=Reason.TURNED_BACK)]
    )

    await amendments.settle_amendments([Amended(amendment, "78")])

    [again] = await amendments.amendments(T0 + 999, 5)
    assert again.message_id == "78"
    assert again.deliveries[0].shown is EpisodeState.TOUCHED
    assert again.deliveries[0].told.episode == held


@pytest.mark.usefixtures("sent")
async def test_one_that_failed_comes_again_later(alerts: AlertStore, amendments: MessageAmendments) -> None:
    await alerts.record([touched()])
    [amendment] = await amendments.amendments(T0 + 99, 5)

    await amendments.settle_amendments([Amended(amendment, "77", again_at=T0 + 500)])

    assert await amendments.amendments(T0 + 499, 5) == ()
    assert [each.attempts for each in await amendments.amendments(T0 + 500, 5)] == [1]


async def test_what_is_sent_after_its_episode_moved_on_is_amended(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, amendments: MessageAmendments
) -> None:
    await sync_defaults(database, "telegram", ["5", "6"], standard=standard(BTC_RULE), now=T0)
    await alerts.record([near(), touched()])
    await outbox.fan_out(alert(), T0)
    await outbox.settle([Outcome(1, DeliveryStatus.SENT, 1, T0 + 1, T0 + 1, "77")])

    assert [each.message_id for each in await amendments.amendments(T0 + 99, 5)] == ["77"]


@pytest.mark.usefixtures("sent")
async def test_what_failed_at_first_is_true_again_once_it_was_amended(
    alerts: AlertStore, amendments: MessageAmendments
) -> None:
    await alerts.record([touched()])
    [amendment] = await amendments.amendments(T0 + 99, 5)
    await amendments.settle_amendments([Amended(amendment, "77", again_at=T0 + 500)])
    [again] = await amendments.amendments(T0 + 500, 5)

    await amendments.settle_amendments([Amended(again, "77")])

    assert await amendments.amendments(T0 + 9999, 5) == ()


async def test_what_was_overtaken_before_it_was_sent_is_amended_once(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, amendments: MessageAmendments
) -> None:
    await sync_defaults(database, "telegram", ["5"], standard=standard(BTC_RULE), now=T0)
    await alerts.record([near(), touched()])
    await outbox.fan_out(alert(), T0 + 95)
    await outbox.settle([Outcome(1, DeliveryStatus.SENT, 1, T0 + 96, T0 + 96, "77")])
    [amendment] = await amendments.amendments(T0 + 99, 5)

    await amendments.settle_amendments([Amended(amendment, "77")])

    assert await amendments.amendments(T0 + 9999, 5) == ()


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize(("again_at", "left"), [(T0 + 90 + DAY, 1), (T0 + 91 + DAY, 0)], ids=["in time", "too late"])
async def test_an_amendment_is_given_up_a_day_after_the_outcome(
    alerts: AlertStore, amendments: MessageAmendments, again_at: float, left: int
) -> None:
    await alerts.record([touched()])
    [amendment] = await amendments.amendments(T0 + 99, 5)

    await amendments.settle_amendments([Amended(amendment, "77", again_at=again_at)])

    assert len(await amendments.amendments(T0 + 9 * DAY, 5)) == left


@pytest.mark.usefixtures("sent")
async def test_what_was_given_up_is_taken_up_again_when_the_episode_moves_on(
    alerts: AlertStore, amendments: MessageAmendments
) -> None:
    await alerts.record([touched()])
    [amendment] = await amendments.amendments(T0 + 99, 5)
    await amendments.settle_amendments([Amended(amendment, "77", again_at=T0 + 9 * DAY)])

    await alerts.record([held()])

    [again] = await amendments.amendments(T0 + 999, 5)
    assert (again.attempts, again.deliveries[0].shown) == (0, None)


@pytest.mark.usefixtures("sent")
async def test_an_outcome_that_was_told_is_not_told_again_when_the_episode_cools(
    alerts: AlertStore, amendments: MessageAmendments
) -> None:
    await alerts.record([touched(), held(), cooling()])
    [amendment] = await amendments.amendments(T0 + 999, 5)
    [delivery] = amendment.deliveries
    assert delivery.told.episode == cooling().episode

    await amendments.settle_amendments([Amended(amendment, "77")])
    rested = replace(cooling().episode, state=EpisodeState.IDLE, since=T0 + 5000)
    await alerts.record(
        [replace(cooling(), episode=rested, previous=EpisodeState.COOLING, at=T0 + 5000, reason=Reason.COOLDOWN_OVER)]
    )

    assert await amendments.amendments(T0 + 9999, 5) == ()


@pytest.mark.usefixtures("sent")
async def test_a_zone_that_was_rewritten_is_told(alerts: AlertStore, amendments: MessageAmendments) -> None:
    await alerts.record([interrupted()])

    [amendment] = await amendments.amendments(T0 + 999, 5)

    assert amendment.deliveries[0].told.episode == interrupted().episode


@pytest.mark.usefixtures("sent")
async def test_an_alert_that_cannot_be_read_is_not_amended_and_holds_up_nobody(
    database: Database, alerts: AlertStore, amendments: MessageAmendments
) -> None:
    await alerts.record([touched()])
    async with database.write("test") as connection:
        await connection.execute(text("UPDATE alerts SET content = '{}'"))

    found = await amendments.amendments(T0 + 999, 5)

    async with database.read("test") as connection:
        assert await connection.scalar(text("SELECT count(*) FROM deliveries WHERE amend_at IS NOT NULL")) == 0
    assert found == ()


async def test_at_most_the_wanted_number_comes_longest_due_first(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, amendments: MessageAmendments
) -> None:
    await sync_defaults(database, "telegram", ["5", "6", "7"], standard=standard(BTC_RULE), now=T0)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    await outbox.settle([Outcome(id_, DeliveryStatus.SENT, 1, T0, T0, str(id_)) for id_ in (1, 2, 3)])
    await alerts.record([touched()])
    [first, *_] = await amendments.amendments(T0 + 999, 3)
    await amendments.settle_amendments([Amended(first, "1", again_at=T0 + 100)])

    assert [each.message_id for each in await amendments.amendments(T0 + 999, 3)] == ["2", "3", "1"]
    assert [each.message_id for each in await amendments.amendments(T0 + 999, 2)] == ["2", "3"]
