import asyncio
import logging
import sqlite3
from contextlib import closing

import pytest

from liqalert.core.market import Gap, Instrument, Liquidation
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal, JournalReader, read_liquidations
from tests.storage.objects import BTC, CHINESE, ETH, T0, liquidation
from tests.storage.reading import stored_liquidations


def _filled(journal: BatchJournal, liquidations: list[Liquidation]) -> BatchJournal:
    for one in liquidations:
        journal.liquidated([one])
    return journal


async def test_liquidations_are_read_back_as_they_were(database: Database) -> None:
    stored = [liquidation(2), liquidation(0, CHINESE), liquidation(1, ETH)]

    await _filled(BatchJournal(database), stored).flush()

    assert await stored_liquidations(database, T0) == (stored[1], stored[2], stored[0])


async def test_a_liquidation_reported_twice_is_kept_once(database: Database) -> None:
    journal = _filled(BatchJournal(database), [liquidation(0), liquidation(0)])
    await journal.flush()

    await _filled(journal, [liquidation(0), liquidation(1)]).flush()

    assert await stored_liquidations(database, T0) == (liquidation(0), liquidation(1))
    assert journal.problem is None


async def test_liquidations_before_the_window_are_left_out(database: Database) -> None:
    await _filled(BatchJournal(database), [liquidation(0), liquidation(10)]).flush()

    assert await stored_liquidations(database, T0 + 10) == (liquidation(10),)


async def test_of_more_than_can_be_begun_with_the_newest_are_read(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await _filled(BatchJournal(database), [liquidation(n) for n in (3, 0, 2, 1)]).flush()

    async with database.read("reading") as connection:
        assert await read_liquidations(connection, T0, most=2) == (liquidation(2), liquidation(3))

    assert "too many liquidations to begin with all of them" in caplog.text


async def test_liquidations_of_a_symbol_come_newest_first(database: Database) -> None:
    await _filled(BatchJournal(database), [liquidation(n) for n in range(5)] + [liquidation(9, ETH)]).flush()

    assert await JournalReader(database).liquidations("BTCUSDT", 2) == (liquidation(4), liquidation(3))


async def test_gaps_and_heartbeats_are_read_back(database: Database) -> None:
    journal = BatchJournal(database)
    for number in range(3):
        journal.gap(Gap("binance", T0 + number, T0 + number + 0.5, "no marks for 5 s"))
    journal.gap(Gap("binance", T0 + 2, T0 + 2.5, "no marks for 5 s"))
    journal.alive("binance", T0, T0 + 7)
    journal.alive("binance", T0, T0 + 8)

    await journal.flush()

    reader = JournalReader(database)
    assert await reader.gaps("binance", 2) == (
        Gap("binance", T0 + 1, T0 + 1.5, "no marks for 5 s"),
        Gap("binance", T0 + 2, T0 + 2.5, "no marks for 5 s"),
    )
    assert await reader.heartbeats() == {"binance": (T0, T0 + 8)}


async def test_a_gap_whose_cause_cannot_be_stored_is_stored_readably(database: Database) -> None:
    journal = BatchJournal(database)
    journal.gap(Gap("binance", T0, T0 + 1, "closed: \udcff\0"))

    await journal.flush()

    assert await JournalReader(database).gaps("binance", 1) == (Gap("binance", T0, T0 + 1, "closed: ?"),)


async def test_a_backlog_longer_than_one_transaction_is_written_whole(database: Database) -> None:
    await _filled(BatchJournal(database), [liquidation(n) for n in range(5_001)]).flush()

    stored = await stored_liquidations(database, T0)
    assert (len(stored), stored[-1]) == (5_001, liquidation(5_000))


async def test_what_the_database_refuses_is_kept_and_written_later(
    sqlite_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    journal = _filled(BatchJournal(sqlite_database), [liquidation(0)])
    journal.gap(Gap("binance", T0, T0 + 1, "no marks"))
    assert sqlite_database.path is not None
    with closing(sqlite3.connect(sqlite_database.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        await journal.flush()
        await _filled(journal, [liquidation(1)]).flush()
        assert journal.problem is not None
        assert "database is locked" in journal.problem
        assert journal.waiting == 2

    await journal.flush()

    assert journal.problem is None
    assert journal.waiting == 0
    assert await stored_liquidations(sqlite_database, T0) == (liquidation(0), liquidation(1))
    assert await JournalReader(sqlite_database).gaps("binance", 9) == (Gap("binance", T0, T0 + 1, "no marks"),)
    assert [record.message for record in caplog.records] == ["journal not written", "journal written again"]


async def test_beyond_the_bound_the_oldest_are_dropped_and_counted(sqlite_database: Database) -> None:
    journal = _filled(BatchJournal(sqlite_database, bound=3), [liquidation(n) for n in range(5)])

    await journal.flush()

    assert journal.dropped == 2
    assert await stored_liquidations(sqlite_database, T0) == (
        liquidation(2),
        liquidation(3),
        liquidation(4),
    )


async def test_gaps_beyond_their_bound_are_dropped_oldest_first_and_counted(sqlite_database: Database) -> None:
    journal = BatchJournal(sqlite_database)
    for number in range(10_002):
        journal.gap(Gap("binance", T0 + number, T0 + number + 0.5, "no marks"))
    counted = journal.waiting_gaps, journal.dropped_gaps

    await journal.flush()

    newest = await JournalReader(sqlite_database).gaps("binance", 20_000)
    assert counted == (10_000, 2)
    assert journal.waiting_gaps == 0
    assert [newest[0].start, newest[-1].start] == [T0 + 2, T0 + 10_001]


async def test_one_row_that_can_never_be_stored_does_not_hold_up_the_others(database: Database) -> None:
    impossible = liquidation(1, Instrument("binance", "\udcff"))
    journal = _filled(BatchJournal(database), [liquidation(0), impossible, liquidation(2)])

    await journal.flush()

    assert journal.dropped == 1
    assert journal.problem is None
    assert await stored_liquidations(database, T0) == (liquidation(0), liquidation(2))


async def test_run_writes_without_being_asked_and_stops_when_cancelled(database: Database) -> None:
    journal = _filled(BatchJournal(database), [liquidation(0)])
    task = asyncio.create_task(journal.run(), name="journal")
    async with asyncio.timeout(5):
        while journal.waiting or not await stored_liquidations(database, T0):
            await asyncio.sleep(0.01)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancelled_flush_loses_nothing(database: Database) -> None:
    journal = _filled(BatchJournal(database), [liquidation(n) for n in range(100)])
    for turns in range(12):
        task = asyncio.create_task(journal.flush(), name="flush")
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=5)

    await journal.flush()

    assert len(await stored_liquidations(database, T0)) == 100


async def test_symbols_in_any_script_are_found(database: Database) -> None:
    await _filled(BatchJournal(database), [liquidation(0, CHINESE), liquidation(1, BTC)]).flush()

    assert await JournalReader(database).liquidations("币安人生USDT", 5) == (liquidation(0, CHINESE),)
