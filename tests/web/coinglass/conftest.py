"""A rig over a real SQLite file that holds its liquidations, and a client of its server."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from liqalert.storage.liquidation_sums import LiquidationSums
from liqalert.storage.schema import upgrade
from tests.web.coinglass.rig import LIQUIDATIONS, Client, Rig, serving


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("empty") / "liqalert.db"
    upgrade(f"sqlite+aiosqlite:///{file}")
    return file


@pytest.fixture
async def database(empty_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    file = shutil.copyfile(empty_file, tmp_path / "liqalert.db")
    async with Database(f"sqlite+aiosqlite:///{file}") as opened:
        journal = BatchJournal(opened)
        for liquidation in LIQUIDATIONS:
            journal.liquidated([liquidation])
        await journal.flush()
        yield opened


@pytest.fixture
def rig(database: Database) -> Rig:
    return Rig(LiquidationSums(database))


@pytest.fixture
async def client(rig: Rig) -> AsyncIterator[Client]:
    async with serving(rig) as client:
        yield client
