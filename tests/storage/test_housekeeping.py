import pytest
from sqlalchemy import func, insert, select

from liqalert.core.episodes import ZoneEnded, ZoneOpened
from liqalert.core.market import Gap, PositionSide
from liqalert.core.strength import DaySamples
from liqalert.core.zones import ZoneEnd
from liqalert.ports import DeliveryStatus, Outcome
from liqalert.storage.alerts import AlertStore
from liqalert.storage.baselines import BaselineStore
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.housekeeping import DELIVERIES_CHUNK, prune, quick_check
from liqalert.storage.journal import BatchJournal
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.tables import CANDLES, METADATA
from tests.storage.objects import (
    BTC,
    BTC_RULE,
    T0,
    alert,
    armed,
    cooling,
    episode,
    held,
    liquidation,
    near,
    standard,
    touched,
    zone,
)
from tests.storage.subscribers import subscribers

DAY = 86_400.0
EVERYTHING = {"liquidations": 1, "feed_gaps": 1, "clusters": 1, "alerts": 1, "candles": 1, "baselines": 1}


async def _counts(database: Database) -> dict[str, int]:
    async with database.read("test") as connection:
        return {
            name: await connection.scalar(select(func.count()).select_from(METADATA.tables[name])) or 0
            for name in ("liquidations", "feed_gaps", "clusters", "episodes", "transitions", "alerts", "deliveries")
        }


async def _fill(database: Database) -> None:
    """One ended zone with everything that hangs on it, one live zone, and some rows of the other tables."""
    await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE), now=T0)
    journal = BatchJournal(database)
    for one in (liquidation(0), liquidation(100)):
        journal.liquidated([one])
    journal.gap(Gap("binance", T0, T0 + 1, "x"))
    await journal.flush()
    alerts = AlertStore(database)
    await alerts.record([ZoneOpened(zone(), T0), armed(), near(), touched(), ZoneOpened(zone("z2"), T0)])
    await alerts.record([ZoneEnded(zone(), T0 + 100, ZoneEnd.SWEPT)])
    outbox = DeliveryOutbox(database)
    await outbox.fan_out(alert(), T0 + 80)
    await outbox.settle([Outcome(1, DeliveryStatus.SENT, 1, T0 + 81, T0 + 81, "7", attempted=True)])
    days = [DaySamples(BTC, PositionSide.LONG, day, ()) for day in ("2026-11-10", "2026-11-18")]
    await BaselineStore(database).save(days, T0)
    candle = {"exchange": "binance", "symbol": "BTCUSDT", "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0}
    async with database.write("test") as connection:
        await connection.execute(insert(CANDLES), [candle | {"open_time": T0}])


async def test_what_is_old_goes_with_all_that_hangs_on_it(database: Database) -> None:
    await _fill(database)

    deleted = await prune(database, now=T0 + DAY + 101, retention_days=EVERYTHING)

    assert deleted == {
        "liquidations": 2,
        "feed_gaps": 1,
        "clusters": 5,
        "alerts": 3,
        "candles": 1,
        "baselines": 1,
    }
    assert [kept.day for kept in await BaselineStore(database).load("2026-01-01")] == ["2026-11-18"]
    assert await _counts(database) == {
        "liquidations": 0,
        "feed_gaps": 0,
        "clusters": 1,
        "episodes": 0,
        "transitions": 0,
        "alerts": 0,
        "deliveries": 0,
    }


async def test_what_is_young_or_not_named_stays(database: Database) -> None:
    await _fill(database)
    before = await _counts(database)

    deleted = await prune(database, now=T0 + DAY + 50, retention_days={"liquidations": 1, "clusters": 2})

    assert deleted == {"liquidations": 1, "clusters": 0}
    assert await _counts(database) == before | {"liquidations": 1}


async def test_an_alert_that_is_still_being_fanned_out_stays(database: Database) -> None:
    await AlertStore(database).record([near()])

    assert await prune(database, now=T0 + 9 * DAY, retention_days={"alerts": 1}) == {"alerts": 0}


async def test_an_alert_stays_until_its_episode_is_over(database: Database) -> None:
    """Zones may be kept for a week, alerts for a day: then a message would never be told how its alert ended."""
    await sync_defaults(database, "telegram", ["1"], standard=standard(BTC_RULE), now=T0)
    alerts, outbox = AlertStore(database), DeliveryOutbox(database)
    await alerts.record([ZoneOpened(zone(), T0), armed(), near()])
    await outbox.fan_out(alert(), T0 + 80)
    await outbox.settle([Outcome(1, DeliveryStatus.SENT, 1, T0 + 81, T0 + 81, "7")])

    assert await prune(database, now=T0 + 2 * DAY, retention_days={"alerts": 1}) == {"alerts": 0}

    await alerts.record([held(), cooling()])

    assert await prune(database, now=T0 + 2 * DAY, retention_days={"alerts": 1}) == {"alerts": 2}


async def test_more_than_one_step_is_deleted_whole(database: Database) -> None:
    journal = BatchJournal(database)
    for number in range(5_001):
        journal.liquidated([liquidation(number)])
    await journal.flush()

    assert await prune(database, now=T0 + 9 * DAY, retention_days={"liquidations": 1}) == {"liquidations": 5_001}


async def test_deliveries_to_very_many_chats_go_with_their_attempts(database: Database) -> None:
    chats = 2 * DELIVERIES_CHUNK + 1
    outbox = DeliveryOutbox(database)
    await subscribers(database, chats)
    await AlertStore(database).record([near(), held(), cooling()])
    while not await outbox.fan_out(alert(), T0):
        pass
    sent = [Outcome(id_, DeliveryStatus.SENT, 1, T0, T0 + 1, "7", attempted=True) for id_ in range(1, chats + 1)]
    await outbox.settle(sent)

    gone = await prune(database, now=T0 + 2 * DAY, retention_days={"alerts": 1})

    assert gone == {"alerts": 2 * chats + 1}
    assert (await _counts(database))["deliveries"] == 0


async def test_an_unknown_table_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="there is no retention for 'chats'"):
        await prune(database, now=T0, retention_days={"chats": 1})


async def test_a_sound_database_passes_the_check(database: Database) -> None:
    assert await quick_check(database) == ()


async def test_a_damaged_database_fails_the_check(sqlite_database: Database) -> None:
    assert sqlite_database.path is not None
    content = bytearray(sqlite_database.path.read_bytes())
    content[-4096:] = b"\xff" * 4096
    sqlite_database.path.write_bytes(content)

    assert await quick_check(sqlite_database) != ()


async def test_an_ended_zone_whose_episode_moved_on_leaves_it_alone(database: Database) -> None:
    await _fill(database)
    await AlertStore(database).record([ZoneOpened(zone("z3"), T0)])
    moved = episode(zone_id="z3")
    async with database.write("test") as connection:
        await connection.execute(METADATA.tables["episodes"].update().values(zone_id=moved.zone_id))

    await prune(database, now=T0 + DAY + 101, retention_days={"clusters": 1})

    assert (await _counts(database))["transitions"] == 3
