"""What is missing from the database, and which gaps explain it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from liqalert.storage.database import Database
from liqalert.storage.schema import prepare
from tests.faults.ledger import Sent, length_s, missing, read_kept, remember_liquidations, unexplained

FIRST, SECOND, THIRD = (Sent("BTCUSDT", quantity, 100.0 + quantity) for quantity in (1.0, 2.0, 3.0))


def test_missing_is_what_was_sent_and_is_not_kept() -> None:
    assert missing([FIRST, SECOND, THIRD], {("BTCUSDT", 2.0), ("ETHUSDT", 1.0)}) == (FIRST, THIRD)


def test_a_loss_is_explained_by_a_gap_around_it_or_just_beside_it() -> None:
    assert unexplained([FIRST, SECOND, THIRD], [(101.2, 101.6)], 0.5) == (THIRD,)


def test_overlapping_gaps_count_once() -> None:
    assert length_s([(5.0, 6.0), (1.0, 3.0), (2.0, 4.0), (2.5, 3.0)]) == pytest.approx(4.0)


async def test_what_the_daemon_has_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "liqalert.db"
    async with Database(f"sqlite+aiosqlite:///{path}") as database:
        await prepare(database)
    remember_liquidations(path, 10_000.0, hours=1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO feed_gaps (exchange, start_at, end_at, cause) VALUES ('binance', 5, 7.5, '-')")
        connection.execute("INSERT INTO feed_gaps (exchange, start_at, end_at, cause) VALUES ('binance', 9, NULL, '-')")

    kept = read_kept(path)

    assert kept.liquidations == frozenset({("PASTUSDT", 1.0)})
    assert kept.gaps == ((5.0, 7.5),)
    assert kept.watching_since is None
