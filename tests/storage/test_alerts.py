import pytest
from sqlalchemy import func, select, text

from liqalert.core.episodes import (
    Decision,
    EpisodeMoved,
    EpisodeState,
    Raised,
    ZoneEnded,
    ZoneOpened,
    ZoneRewritten,
    ZoneSeenFrom,
)
from liqalert.core.zones import Outside, Zone, ZoneEnd
from liqalert.ports import Delivery, DeliveryRow, DeliveryStatus, Outcome, Restored, StorageError
from liqalert.storage.alerts import AlertStore
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.journal import BatchJournal
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.tables import METADATA
from tests.changing import replace
from tests.storage.objects import (
    BTC,
    BTC_RULE,
    CHINESE,
    ETH,
    T0,
    alert,
    armed,
    episode,
    held,
    liquidation,
    near,
    notice,
    standard,
    touched,
    zone,
)
from tests.storage.subscribers import subscribers

STORY: tuple[Decision, ...] = (ZoneOpened(zone(), T0), armed(), near(), touched())
END = ZoneEnded(zone(), T0 + 100, ZoneEnd.SWEPT)


async def _content(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    async with database.read("test") as connection:
        return {
            table.name: sorted(map(tuple, await connection.execute(select(table))), key=repr)
            for table in METADATA.sorted_tables
        }


async def _count(database: Database, table: str) -> int:
    async with database.read("test") as connection:
        return int(await connection.scalar(select(func.count()).select_from(METADATA.tables[table])) or 0)


async def _zones(alerts: AlertStore) -> tuple[Zone, ...]:
    return (await alerts.restore(T0, 0)).zones


async def test_a_restart_takes_up_exactly_what_was_stored(database: Database, alerts: AlertStore) -> None:
    journal = BatchJournal(database)
    journal.liquidated([liquidation(0)])
    journal.liquidated([liquidation(50, CHINESE)])
    await journal.flush()
    chinese = zone("z2", instrument=CHINESE, outside=None, opened_at=T0 + 1)
    await alerts.record([*STORY, ZoneOpened(chinese, T0 + 1)])

    restored = await alerts.restore(T0 + 100, 60)

    assert restored == Restored((zone(), chinese), (touched().episode,), (liquidation(50, CHINESE),))


@pytest.mark.parametrize("state", [EpisodeState.IDLE, EpisodeState.SWEPT, EpisodeState.FADED])
async def test_finished_episodes_are_not_taken_up(alerts: AlertStore, state: EpisodeState) -> None:
    await alerts.record([ZoneOpened(zone(), T0), EpisodeMoved(episode(state), T0)])

    assert (await alerts.restore(T0, 0)).episodes == ()


async def test_an_ended_zone_is_taken_up_as_ended_while_its_cluster_may_live(
    database: Database, alerts: AlertStore
) -> None:
    await alerts.record([*STORY, END])

    assert await alerts.restore(T0 + 200, 0) == Restored((), (), ())
    assert await alerts.restore(T0 + 200, 99) == Restored((), (), ())
    assert await alerts.restore(T0 + 200, 100) == Restored((), (), (), (zone(),))
    async with database.read("test") as connection:
        row = (await connection.execute(text("SELECT ended_at, end_reason FROM clusters"))).one()
    assert tuple(row) == (T0 + 100, "swept")


async def test_recording_the_same_again_changes_nothing(database: Database, alerts: AlertStore) -> None:
    story = [*STORY, held(), END]
    await alerts.record(story)
    before = await _content(database)

    await alerts.record(story)
    await alerts.record(story[:3])

    assert await _content(database) == before


async def test_an_older_rewrite_does_not_undo_a_newer_one(alerts: AlertStore) -> None:
    newer = zone(peak_at=T0 + 500, strength=0.95, high=61_000.0, outside=None)
    await alerts.record([ZoneOpened(zone(), T0), ZoneRewritten(newer, T0 + 500)])

    await alerts.record([ZoneOpened(zone(), T0), ZoneRewritten(zone(), T0 + 60), ZoneSeenFrom(zone(), T0 + 70)])

    assert await _zones(alerts) == (newer,)


async def test_a_rewritten_zone_takes_the_place_of_the_old_one(alerts: AlertStore) -> None:
    rewritten = zone(cluster_id="c2", strength=0.9, count=20, peak_at=T0 + 90, outside=None)

    await alerts.record([ZoneOpened(zone(), T0), ZoneRewritten(rewritten, T0 + 90)])

    assert await _zones(alerts) == (rewritten,)


async def test_where_a_zone_was_seen_from_is_kept(alerts: AlertStore) -> None:
    await alerts.record([ZoneOpened(zone(outside=None), T0)])

    await alerts.record([ZoneSeenFrom(zone(outside=Outside.BELOW), T0 + 1)])

    assert await _zones(alerts) == (zone(outside=Outside.BELOW),)


async def test_an_episode_that_moved_belongs_to_the_survivor(alerts: AlertStore) -> None:
    moved = episode(EpisodeState.TOUCHED, zone_id="z2", since=T0 + 90, alert_id="a1", touched=True, furthest=60_500.0)

    await alerts.record([*STORY, ZoneOpened(zone("z2"), T0 + 95), EpisodeMoved(moved, T0 + 96)])
    await alerts.record([ZoneEnded(zone(), T0 + 96, ZoneEnd.OVERLAPPED, survivor_id="z2")])

    assert (await alerts.restore(T0 + 97, 0)).episodes == (moved,)


async def test_a_move_recorded_again_does_not_set_the_episode_back(alerts: AlertStore) -> None:
    moved = EpisodeMoved(near().episode, T0 + 85)
    await alerts.record([*STORY[:3], moved, touched()])

    await alerts.record([*STORY[:3], moved])

    assert (await alerts.restore(T0, 0)).episodes == (touched().episode,)


async def test_an_alert_is_kept_even_where_its_zone_could_not_be(alerts: AlertStore) -> None:
    await alerts.record([near()])

    assert [row.alert for row in await alerts.recent(5)] == [alert()]


async def test_a_batch_that_fails_leaves_nothing(database: Database, alerts: AlertStore) -> None:
    impossible = ZoneOpened(zone("z2", cluster_id="\udcff"), T0)

    with pytest.raises(StorageError, match="recording decisions failed"):
        await alerts.record([*STORY, impossible])

    assert await _count(database, "alerts") == 0
    assert await _count(database, "clusters") == 0


async def test_an_alert_that_cannot_be_read_is_left_out(database: Database, alerts: AlertStore) -> None:
    await alerts.record(STORY)
    async with database.write("test") as connection:
        await connection.execute(text("UPDATE alerts SET content = '{}'"))

    assert await alerts.recent(1) == ()


async def test_why_gives_the_alert_with_its_whole_story(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "telegram", ["42"], standard=standard(BTC_RULE), now=T0)
    await alerts.record([*STORY, held()])
    await outbox.fan_out(alert(), T0 + 81)
    [due] = await outbox.due(T0 + 81, 10)
    await outbox.settle([_outcome(due)])

    row = await alerts.why("a1")

    assert row is not None
    assert row.alert == await alerts.alert("a1") == alert()
    assert row.episode == held().episode
    assert row.deliveries == (DeliveryRow("telegram", "42", DeliveryStatus.DEAD, 3, T0 + 85, "blocked"),)
    assert row.transitions == (armed(), near(), touched(), held())


def _outcome(delivery: Delivery) -> Outcome:
    return Outcome(delivery.id, DeliveryStatus.DEAD, 3, T0 + 85, T0 + 85, error="blocked")


async def test_why_of_an_unknown_alert_is_none(alerts: AlertStore) -> None:
    assert await alerts.why("absent") is None
    assert await alerts.alert("absent") is None


async def test_why_of_a_notice_has_no_episode(alerts: AlertStore) -> None:
    await alerts.record_notice(notice())

    row = await alerts.why("n1")

    assert row is not None
    assert (row.alert, row.episode, row.transitions) == (notice(), None, ())


async def test_recent_is_newest_first_without_notices_and_tests(alerts: AlertStore) -> None:
    for number in range(3):
        await alerts.record_notice(alert(f"a{number}", decided_at=T0 + number, episode_id=None))
    await alerts.record_notice(notice())
    await alerts.record_notice(notice("t1", kind="test"))

    assert [row.alert.id for row in await alerts.recent(2)] == ["a2", "a1"]
    assert [row.alert.id for row in await alerts.recent(9, kind="notice")] == ["n1"]


async def test_outcomes_are_newest_first_with_their_episodes_and_nobody_who_was_told(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await sync_defaults(database, "telegram", ["42", "43"], standard=standard(BTC_RULE), now=T0)
    await alerts.record(STORY)
    await outbox.fan_out(alert(), T0)
    await alerts.record_notice(alert("a2", decided_at=alert().decided_at + 1, episode_id=None))
    await alerts.record_notice(notice())

    newer, older = await alerts.recent_outcomes(2)

    assert [newer.alert.id, older.alert.id] == ["a2", "a1"]
    assert older.episode is not None
    assert older.episode.state is EpisodeState.TOUCHED
    assert (newer.deliveries, older.deliveries) == ((), ())


async def test_alerts_are_counted_from_a_moment_on_without_notices_and_tests(alerts: AlertStore) -> None:
    for number in range(3):
        await alerts.record_notice(alert(f"a{number}", decided_at=T0 + number, episode_id=None))
    await alerts.record_notice(notice("n1", decided_at=T0 + 2))
    await alerts.record_notice(notice("t1", kind="test", decided_at=T0 + 2))

    assert await alerts.count_since(T0 + 1) == 2
    assert await alerts.count_since(T0 + 3) == 0


async def test_notices_are_read_by_their_reasons_oldest_first(alerts: AlertStore) -> None:
    for number, reason in enumerate(("feed_lost", "disk_low", "feed_back", "feed_lost")):
        await alerts.record_notice(notice(f"n{number}", reason=reason, decided_at=T0 + number))

    found = await alerts.notices({"feed_lost", "feed_back"}, since=T0 + 1)

    assert [each.id for each in found] == ["n2", "n3"]


async def test_recent_of_an_instrument_counts_no_other(alerts: AlertStore) -> None:
    await alerts.record_notice(alert("a1", episode_id=None))
    for number in range(3):
        of_eth = {
            "zone": replace(zone(), instrument=ETH),
            "decided_at": T0 + 100 + number,
            "episode_id": None,
        }
        await alerts.record_notice(alert(f"b{number}", **of_eth))

    assert [row.alert.id for row in await alerts.recent(2, instrument=BTC)] == ["a1"]
    assert [row.alert.id for row in await alerts.recent(2, instrument=ETH)] == ["b2", "b1"]


async def test_recent_of_a_chat_is_what_it_was_told(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox, chats: ChatDirectory
) -> None:
    await sync_defaults(database, "telegram", ["42", "43"], standard=standard(), now=T0)
    first, second = await chats.chat("telegram", "42"), await chats.chat("telegram", "43")
    assert first is not None
    assert second is not None
    for alert_id, chat in (("a1", first), ("a2", second)):
        mine = alert(alert_id, only_chat=chat.id)
        await alerts.record_notice(mine)
        await outbox.fan_out(mine, T0)

    assert [row.alert.id for row in await alerts.recent(9, chat_id=second.id)] == ["a2"]


async def test_of_an_alert_that_many_chats_were_told_of_a_hundred_are_listed_and_the_rest_counted(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 130)
    to_one = alert("a2", only_chat=7)
    await alerts.record([near(), Raised(to_one, T0)])
    for each in (alert(), to_one):
        assert await outbox.fan_out(each, T0)
    await outbox.settle([Outcome(id_, DeliveryStatus.SENT, 1, T0, T0 + 1, "77") for id_ in (1, 120, 121)])

    many, one = sorted(await alerts.recent(9), key=lambda row: row.alert.id)

    assert [delivery.address for delivery in many.deliveries] == [str(n) for n in range(100)]
    assert many.more == {DeliveryStatus.DUE: 28, DeliveryStatus.SENT: 2}
    assert (len(one.deliveries), one.more) == (1, {})


async def test_a_chat_that_asks_why_is_among_the_deliveries_listed(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 130)
    await alerts.record([near()])
    assert await outbox.fan_out(alert(), T0)
    sent = [Outcome(id_, DeliveryStatus.SENT, 1, T0, T0 + 1, "77", attempted=True) for id_ in (1, 120, 121)]
    await outbox.settle(sent)

    row, everything = await alerts.why("a1", asking=121), await alerts.why("a1")

    assert row is not None
    assert everything is not None
    assert [delivery.address for delivery in row.deliveries] == [*(str(n) for n in range(100)), "120"]
    assert [len(delivery.history) for delivery in row.deliveries] == [1, *(0 for _ in range(99)), 1]
    assert row.more == {DeliveryStatus.DUE: 28, DeliveryStatus.SENT: 1}
    assert (len(everything.deliveries), everything.more) == (130, {})


async def test_recent_of_a_chat_says_nothing_of_other_chats(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await sync_defaults(database, "telegram", ["42", "43"], standard=standard(BTC_RULE), now=T0)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)

    [mine] = await alerts.recent(9, chat_id=2)
    [everyones] = await alerts.recent(9)

    assert [delivery.address for delivery in mine.deliveries] == ["43"]
    assert [delivery.address for delivery in everyones.deliveries] == ["42", "43"]
