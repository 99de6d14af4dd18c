"""Liquidations onto the disk."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from liqalert.core.market import Liquidation
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from liqalert.storage.schema import upgrade
from tests.benchmarks.harness import Figure, Question, Scale, compare, run, wall_us
from tests.benchmarks.inputs import T0, liquidations

COLUMNS = "exchange, symbol, liquidated, price, quantity, notional_usd, event_time, received_time"
INSERT = f"INSERT INTO liquidations ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL", "journal_size_limit = 67108864", "foreign_keys = ON")
"""Those of our writer."""


def figures(scale: Scale) -> Iterator[Figure]:
    with TemporaryDirectory() as directory:
        bench = Journalling(Path(directory), list(liquidations(scale.of(15_000, 200), T0)))
        for batch in (5000, 100):
            question = Question(
                f"journal, {batch:,} rows a transaction", "sqlite3 executemany, same rows and pragmas", "us/row", 3.0
            )
            yield compare(
                question,
                ours=partial(bench.ours, batch),
                peer=partial(bench.peer, batch),
                rounds=scale.rounds(7),
            )


class Journalling:
    """The same liquidations into a new database each time, with our tables in it."""

    def __init__(self, directory: Path, items: Sequence[Liquidation]) -> None:
        self._directory = directory
        self._items = items
        self._rows = [
            (
                each.instrument.exchange,
                each.instrument.symbol,
                each.liquidated.value,
                each.price,
                each.quantity,
                each.notional_usd,
                each.event_time,
                each.received_time,
            )
            for each in items
        ]
        self._template = directory / "template.db"
        self._numbers = count()
        upgrade(_url(self._template))

    def ours(self, batch: int) -> float:
        return run(self._ours(batch))

    async def _ours(self, batch: int) -> float:
        path = self._new()
        async with Database(_url(path)) as database:
            journal = BatchJournal(database)
            # The connection is made with the first write.
            journal.alive("binance", T0, T0)
            await journal.flush()
            began = perf_counter()
            for start in range(0, len(self._items), batch):
                for each in self._items[start : start + batch]:
                    journal.liquidated([each])
                await journal.flush()
            cost = (perf_counter() - began) / len(self._items) * 1e6
        assert _written(path) == len(self._items)
        return cost

    def peer(self, batch: int) -> float:
        path = self._new()
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            cost = wall_us(lambda: self._write(connection, batch), len(self._rows))
        assert _written(path) == len(self._rows)
        return cost

    def _write(self, connection: sqlite3.Connection, batch: int) -> None:
        for start in range(0, len(self._rows), batch):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(INSERT, self._rows[start : start + batch])
            connection.execute("COMMIT")

    def _new(self) -> Path:
        path = self._directory / f"{next(self._numbers)}.db"
        shutil.copy(self._template, path)
        return path


def _url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


def _written(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        [found] = connection.execute("SELECT count(*) FROM liquidations").fetchone()
    return int(found)
