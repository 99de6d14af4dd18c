import sqlite3

import pytest
from sqlalchemy import Connection, select, update

from liqalert.core.alerts import Alert
from liqalert.core.rules import Rule, RuleKind
from liqalert.ports import Delivery, DeliveryStatus, Loudness, Preferences, QuietHours, Recipient
from liqalert.storage.alerts import AlertStore
from liqalert.storage.audience import read_recipients
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.tables import CHATS, DELIVERIES
from tests.changing import replace
from tests.storage.objects import BTC, BTC_RULE, ETH, ETH_RULE, T0, alert, cascade, near, notice, standard, touched
from tests.storage.subscribers import fanned_out, subscribers, told


async def test_only_those_who_hold_the_rule_and_want_to_hear_are_told(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "telegram", ["1", "2", "3", "4"], standard=standard(BTC_RULE), now=T0)
    ids = {address: chat.id for address in "1234" if (chat := await chats.chat("telegram", address))}
    await chats.unsubscribe(ids["2"], BTC_RULE.instrument, T0)
    await chats.mark_dead(ids["3"], T0)
    await chats.subscribe(ids["4"], [ETH_RULE], T0)
    await sync_defaults(database, "telegram", ["1", "2", "3"], standard=standard(BTC_RULE), now=T0)

    assert await fanned_out(outbox, alerts, alert()) == [("telegram", "1")]


async def test_who_has_a_rule_for_the_instrument_is_not_told_again_by_the_rule_for_all(
    database: Database, chats: ChatDirectory, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    """Chat 0 holds only the rule for all, chat 1 one for BTC as well, chat 2 has stopped BTC."""
    everything = replace(BTC_RULE, instrument=None)
    await sync_defaults(database, "telegram", ["0", "1", "2"], standard=standard(), now=T0)
    rows = [await chats.chat("telegram", address) for address in ("0", "1", "2")]
    for row in rows:
        assert row is not None
        await chats.subscribe(row.id, [everything], T0)
        if row.address != "0":
            await chats.subscribe(row.id, [BTC_RULE], T0)
        if row.address == "2":
            await chats.unsubscribe(row.id, BTC_RULE.instrument, T0)
    what = replace(alert(), rule=everything)
    await alerts.record([replace(near(), alert=what)])

    assert await outbox.fan_out(what, T0) is True
    assert await told(outbox) == [("telegram", "0")]


@pytest.mark.parametrize(("muted_until", "told"), [(T0 + 10, 0), (T0, 1), (T0 - 1, 1)])
async def test_a_muted_chat_is_told_nothing_until_the_mute_is_over(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, muted_until: float, told: int
) -> None:
    await subscribers(database, 1, muted_until=muted_until)

    assert len(await fanned_out(outbox, alerts, alert())) == told


async def test_what_a_chat_prefers_makes_its_delivery(
    database: Database, chats: ChatDirectory, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)
    silent = Preferences(loudness=((RuleKind.NEAR, Loudness.SILENT),), numbers="1.234,5")
    await chats.prefer(1, silent)
    await alerts.record([near()])

    await outbox.fan_out(alert(), T0)

    [delivery] = await outbox.due(T0, 5)
    due = Delivery(1, alert(), 1, "telegram", "0", True, DeliveryStatus.DUE, 0, T0, T0, numbers="1.234,5")
    assert delivery == due
    assert await outbox.recipients(alert(), T0) == (Recipient(1, "telegram", "0", silent),)


async def test_in_quiet_hours_a_delivery_is_held_until_they_end(
    database: Database, chats: ChatDirectory, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    """T0 is 11:06:40 UTC."""
    await subscribers(database, 1)
    await chats.prefer(1, Preferences(quiet=QuietHours(11 * 60, 12 * 60, "UTC")))
    await alerts.record([near()])

    await outbox.fan_out(alert(), T0)

    assert await outbox.due(T0 + 3199, 5) == ()
    [held] = await outbox.due(T0 + 3200, 5)
    assert (held.status, held.silent) == (DeliveryStatus.HELD, True)


async def test_what_is_held_comes_when_quiet_hours_are_ended_before_their_time(
    database: Database, chats: ChatDirectory, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    noon = Preferences(quiet=QuietHours(11 * 60, 12 * 60, "UTC"))
    await subscribers(database, 2)
    for chat_id in (1, 2):
        await chats.prefer(chat_id, noon)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)

    await chats.hold_until(1, T0 + 60)
    await chats.hold_until(1, T0 + 600)

    assert await outbox.due(T0 + 59, 5) == ()
    assert [(each.chat_id, each.status) for each in await outbox.due(T0 + 60, 5)] == [(1, DeliveryStatus.HELD)]


async def test_what_is_due_to_some_chats_alone_with_the_hours_in_which_it_is_silent(
    database: Database, chats: ChatDirectory, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    evening = QuietHours(20 * 60, 22 * 60, "UTC")
    await subscribers(database, 3)
    await chats.prefer(2, Preferences(quiet=evening))
    await chats.prefer(3, Preferences(loudness=((RuleKind.NEAR, Loudness.ALWAYS),), quiet=evening))
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)

    found = await outbox.due(T0, 5, chat_ids=[2, 3])

    assert [(each.chat_id, each.quiet) for each in found] == [(2, evening), (3, None)]
    assert await outbox.due(T0, 5, chat_ids=[]) == ()


async def test_a_notice_goes_to_the_owner_and_the_console(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await sync_defaults(database, "telegram", ["1", "2"], standard=standard(BTC_RULE), now=T0)
    await sync_defaults(database, "console", ["console"], standard=standard(BTC_RULE), now=T0)

    assert await fanned_out(outbox, alerts, notice()) == [("telegram", "1"), ("console", "console")]


async def test_an_alert_for_one_chat_goes_to_that_chat_alone(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "telegram", ["1", "2"], standard=standard(BTC_RULE), now=T0)
    second = await chats.chat("telegram", "2")
    assert second is not None

    told = await fanned_out(outbox, alerts, notice("t1", kind="test", only_chat=second.id))

    assert told == [("telegram", "2")]


async def test_what_was_stopped_for_an_instrument_is_stopped_for_every_kind_of_rule_for_all(
    database: Database, chats: ChatDirectory, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    """Chat 1 has stopped BTC, where it held a near rule, chat 2 ETH."""
    cascades = Rule(RuleKind.CASCADE, None, 0.0, 0.6)
    await subscribers(database, 2)
    for chat_id in (1, 2):
        await chats.subscribe(chat_id, [cascades, ETH_RULE], T0)
    await chats.unsubscribe(1, BTC, T0)
    await chats.unsubscribe(2, ETH, T0)

    assert await fanned_out(outbox, alerts, cascade(rule=cascades)) == [("telegram", "1")]


async def test_preferences_that_cannot_be_read_keep_nobody_from_being_told(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 2)
    async with database.write("test") as connection:
        await connection.execute(update(CHATS).values(preferences='{"loudness": [["near", "shrill"]]}'))

    assert len(await fanned_out(outbox, alerts, alert())) == 2


async def test_an_alert_whose_episode_has_moved_on_is_fanned_out_as_overtaken(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)
    await alerts.record([near(), touched()])

    await outbox.fan_out(alert(), T0 + 200)

    async with database.read("test") as connection:
        assert await connection.scalar(select(DELIVERIES.c.amend_at)) == T0 + 90


async def test_whether_anything_is_watched_is_told_to_every_chat_that_is_told_anything_but_the_owner(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    """Chat 1 is the owner's, who is told by a notice; chat 3 has stopped all it was told."""
    await sync_defaults(database, "telegram", ["1", "2", "3"], standard=standard(BTC_RULE), now=T0)
    await sync_defaults(database, "console", ["console"], standard=standard(BTC_RULE), now=T0)
    quitter = await chats.chat("telegram", "3")
    assert quitter is not None
    await chats.unsubscribe(quitter.id, BTC_RULE.instrument, T0)
    watching = replace(notice(), kind="watching")
    await alerts.record_notice(watching)

    assert await outbox.fan_out(watching, T0) is True
    assert await told(outbox) == [("telegram", "2")]


async def test_a_notice_that_is_recorded_already_under_its_id_is_not_sent_again(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE), now=T0)
    assert len(await fanned_out_notice(outbox, alerts, notice())) == 1

    await alerts.record_notice(replace(notice(), decided_at=T0 + 60))

    assert await outbox.unfinished() == ()


async def fanned_out_notice(outbox: DeliveryOutbox, alerts: AlertStore, what: Alert) -> list[tuple[str, str]]:
    await alerts.record_notice(what)
    assert await outbox.fan_out(what, T0) is True
    return await told(outbox)


async def test_the_next_of_very_many_chats_are_found_without_going_through_all(sqlite_database: Database) -> None:
    await subscribers(sqlite_database, 3000)
    steps: list[None] = []

    def read(connection: Connection) -> int:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        # It is called after every hundred of SQLite's own steps.
        driver.set_progress_handler(lambda: steps.append(None), 100)
        return len(read_recipients(connection, replace(notice(), kind="watching"), now=T0, after=0, limit=50))

    assert await sqlite_database.read_at_once("test", read) == 50
    assert len(steps) < 50
