import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import insert

from liqalert.core.alerts import Alert
from liqalert.ports import Delivery, DeliveryStatus, Outcome, Recipient, StorageError
from liqalert.storage.alerts import AlertStore
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.tables import CHATS, RULES, SUBSCRIPTIONS
from tests.storage.objects import BTC_RULE, ETH_RULE, T0, alert, near, notice


async def _subscribers(database: Database, count: int, **changes: object) -> None:
    """`count` chats, with rows 1 to `count`, that hold the BTC rule."""
    rule = {"id": BTC_RULE.id, "kind": "near", "exchange": "binance", "symbol": "BTCUSDT"}
    chats = [
        {"channel": "telegram", "address": str(n), "listed_as": str(n), "role": "user", "added_at": T0}
        for n in range(count)
    ]
    held = {"rule_id": BTC_RULE.id, "loudness": "loud", "from_default": True, "since": T0} | changes
    async with database.write("test") as connection:
        await connection.execute(insert(RULES), [rule | {"distance_pct": 1.0, "min_strength": 0.6}])
        await connection.execute(insert(CHATS), chats)
        await connection.execute(insert(SUBSCRIPTIONS), [held | {"chat_id": n + 1} for n in range(count)])


async def _told(outbox: DeliveryOutbox) -> list[tuple[str, str]]:
    return [(delivery.channel, delivery.address) for delivery in await outbox.due(T0 + 9_999, 9_999)]


async def _fanned_out(outbox: DeliveryOutbox, alerts: AlertStore, what: Alert) -> list[tuple[str, str]]:
    await alerts.record_notice(what)
    assert await outbox.fan_out(what, T0) is True
    return await _told(outbox)


def _outcome(delivery: Delivery, status: DeliveryStatus, due_at: float = T0 + 90) -> Outcome:
    return Outcome(delivery.id, status, delivery.attempts + 1, T0 + 85, due_at)


async def test_twelve_hundred_subscribers_are_reached_in_three_batches(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await _subscribers(database, 1_200)
    await alerts.record([near()])

    finished = [await outbox.fan_out(alert(), T0) for _ in range(3)]

    assert finished == [False, False, True]
    assert await outbox.unfinished() == ()
    told = await outbox.due(T0, 9_999)
    assert sorted(delivery.chat_id for delivery in told) == list(range(1, 1_201))


async def test_a_fan_out_cut_short_goes_on_where_it_stopped(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await _subscribers(database, 1_200)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    cut = asyncio.create_task(outbox.fan_out(alert(), T0), name="fan-out")
    for _ in range(5):
        await asyncio.sleep(0)
    cut.cancel()
    await asyncio.wait([cut], timeout=5)

    async with Database(database.url.render_as_string(hide_password=False)) as after_a_restart:
        again = DeliveryOutbox(after_a_restart)
        assert await again.unfinished() == (alert(),)
        for _ in range(3):
            finished = await again.fan_out(alert(), T0 + 60)

        assert finished is True
        assert len({delivery.chat_id for delivery in await again.due(T0 + 60, 9_999)}) == 1_200


async def test_a_finished_fan_out_adds_nothing_more(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "telegram", ["1"], rules=[BTC_RULE], now=T0)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    await sync_defaults(database, "telegram", ["1", "2"], rules=[BTC_RULE], now=T0)

    assert await outbox.fan_out(alert(), T0) is True

    assert await _told(outbox) == [("telegram", "1")]


async def test_an_alert_that_is_not_recorded_cannot_be_fanned_out(outbox: DeliveryOutbox) -> None:
    with pytest.raises(StorageError, match=r"fan-out of alert a1 .* not recorded"):
        await outbox.fan_out(alert(), T0)


async def test_only_those_who_hold_the_rule_and_want_to_hear_are_told(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "telegram", ["1", "2", "3", "4"], rules=[BTC_RULE], now=T0)
    ids = {address: chat.id for address in "1234" if (chat := await chats.chat("telegram", address))}
    await chats.unsubscribe(ids["2"], BTC_RULE.instrument, T0)
    await chats.mark_dead(ids["3"], T0)
    await chats.subscribe(ids["4"], ETH_RULE, T0)
    await sync_defaults(database, "telegram", ["1", "2", "3"], rules=[BTC_RULE], now=T0)

    assert await _fanned_out(outbox, alerts, alert()) == [("telegram", "1")]


async def test_who_has_a_rule_for_the_instrument_is_not_told_again_by_the_rule_for_all(
    database: Database, chats: ChatDirectory, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    """Chat 0 holds only the rule for all, chat 1 one for BTC as well, chat 2 has stopped BTC."""
    everything = replace(BTC_RULE, instrument=None)
    await sync_defaults(database, "telegram", ["0", "1", "2"], rules=[], now=T0)
    rows = [await chats.chat("telegram", address) for address in ("0", "1", "2")]
    for row in rows:
        assert row is not None
        await chats.subscribe(row.id, everything, T0)
        if row.address != "0":
            await chats.subscribe(row.id, BTC_RULE, T0)
        if row.address == "2":
            await chats.unsubscribe(row.id, BTC_RULE.instrument, T0)
    what = replace(alert(), rule=everything)
    await alerts.record([replace(near(), alert=what)])

    assert await outbox.fan_out(what, T0) is True
    assert await _told(outbox) == [("telegram", "0")]


@pytest.mark.parametrize(("muted_until", "told"), [(T0 + 10, 0), (T0, 1), (T0 - 1, 1)])
async def test_a_muted_chat_is_told_nothing_until_the_mute_is_over(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, muted_until: float, told: int
) -> None:
    await _subscribers(database, 1, muted_until=muted_until)

    assert len(await _fanned_out(outbox, alerts, alert())) == told


async def test_a_silent_subscription_makes_a_silent_delivery(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await _subscribers(database, 1, loudness="silent")
    await alerts.record([near()])

    await outbox.fan_out(alert(), T0)

    [delivery] = await outbox.due(T0, 5)
    assert delivery == Delivery(1, alert(), 1, "telegram", "0", True, DeliveryStatus.DUE, 0, T0, T0)
    assert await outbox.recipients(alert(), T0) == (Recipient(1, "telegram", "0", "silent", None),)


async def test_a_notice_goes_to_the_owner_and_the_console(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await sync_defaults(database, "telegram", ["1", "2"], rules=[BTC_RULE], now=T0)
    await sync_defaults(database, "console", ["console"], rules=[BTC_RULE], now=T0)

    assert await _fanned_out(outbox, alerts, notice()) == [("telegram", "1"), ("console", "console")]


async def test_an_alert_for_one_chat_goes_to_that_chat_alone(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "telegram", ["1", "2"], rules=[BTC_RULE], now=T0)
    second = await chats.chat("telegram", "2")
    assert second is not None

    told = await _fanned_out(outbox, alerts, notice("t1", kind="test", only_chat=second.id))

    assert told == [("telegram", "2")]


async def test_what_is_due_first_comes_first_and_excluded_ids_are_left_out(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await _subscribers(database, 4)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    await outbox.settle([_outcome((await outbox.due(T0, 1))[0], DeliveryStatus.DUE, due_at=T0 + 5)])

    assert [delivery.chat_id for delivery in await outbox.due(T0 + 4, 9)] == [2, 3, 4]
    assert [delivery.chat_id for delivery in await outbox.due(T0 + 5, 9)] == [2, 3, 4, 1]
    assert [delivery.chat_id for delivery in await outbox.due(T0 + 5, 2, exclude=[2])] == [3, 4]


async def test_outcomes_decide_what_is_tried_again(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await _subscribers(database, 4)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    sent, dead, late, due = await outbox.due(T0, 9)

    await outbox.settle(
        [
            _outcome(sent, DeliveryStatus.SENT),
            _outcome(dead, DeliveryStatus.DEAD),
            _outcome(late, DeliveryStatus.LATE, due_at=T0 + 50),
            _outcome(due, DeliveryStatus.DUE, due_at=T0 + 40),
        ]
    )

    again = await outbox.due(T0 + 60, 9)
    assert [(one.id, one.status, one.attempts, one.due_at) for one in again] == [
        (4, DeliveryStatus.DUE, 1, T0 + 40),
        (3, DeliveryStatus.LATE, 1, T0 + 50),
    ]
    assert await outbox.next_due_at() == T0 + 40
    assert await outbox.oldest_unsettled_at() == T0
    assert await outbox.counts() == {"due": 1, "sent": 1, "late": 1, "dead": 1}


async def test_nothing_to_do_is_none(outbox: DeliveryOutbox) -> None:
    assert await outbox.next_due_at() is None
    assert await outbox.oldest_unsettled_at() is None
    assert await outbox.counts() == {"due": 0, "sent": 0, "late": 0, "dead": 0}


async def test_what_was_sent_from_memory_is_stored_and_not_sent_again(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await _subscribers(database, 2)
    await alerts.record([near()])
    from_memory = Delivery(-1, alert(), 1, "telegram", "0", False, DeliveryStatus.DUE, 0, T0, T0, recorded=False)

    await outbox.adopt(from_memory, _outcome(from_memory, DeliveryStatus.SENT))
    await outbox.adopt(from_memory, _outcome(from_memory, DeliveryStatus.SENT))
    await outbox.fan_out(alert(), T0 + 90)

    assert [delivery.chat_id for delivery in await outbox.due(T0 + 90, 9)] == [2]
    assert await outbox.counts() == {"due": 1, "sent": 1, "late": 0, "dead": 0}


async def test_an_error_that_cannot_be_stored_is_stored_readably(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await _subscribers(database, 1)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    [due] = await outbox.due(T0, 1)

    await outbox.settle([Outcome(due.id, DeliveryStatus.DEAD, 1, T0, T0, error="odd \udcff answer")])

    row = await alerts.why("a1")
    assert row is not None
    assert row.deliveries[0].error == "odd ? answer"


async def test_deliveries_to_a_dead_chat_are_given_up(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await _subscribers(database, 2)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)

    await chats.mark_dead(1, T0 + 1)

    assert [delivery.chat_id for delivery in await outbox.due(T0 + 9, 9)] == [2]
