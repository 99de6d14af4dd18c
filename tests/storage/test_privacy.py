"""Who is told what is nobody else's business: the files of a database can be read by their owner alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from liqalert.storage.copies import backup, restore
from liqalert.storage.database import Database
from liqalert.storage.schema import prepare


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def rights(directory: Path) -> dict[str, str]:
    return {
        path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in directory.iterdir() if ".lock" not in path.name
    }


async def test_database_its_companions_and_copies_are_private(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/liqalert.db"
    async with Database(url) as database:
        await prepare(database)
        async with database.write("trying") as connection:
            await connection.execute(text("CREATE TABLE tried (x INTEGER)"))
        in_use = rights(tmp_path)
        await backup(database, tmp_path / "backup.db")
    restore(url, tmp_path / "backup.db", 1_790_000_000.0)

    assert {"liqalert.db", "liqalert.db-wal"} <= in_use.keys()
    assert set(in_use.values()) == {"0o600"}
    assert set(rights(tmp_path).values()) == {"0o600"}
    assert "backup.db" in rights(tmp_path)


async def test_rights_that_the_owner_has_given_stay(tmp_path: Path) -> None:
    file = tmp_path / "liqalert.db"
    file.touch(mode=0o640)
    file.chmod(0o640)

    async with Database(f"sqlite+aiosqlite:///{file}") as database:
        await prepare(database)

    assert rights(tmp_path)["liqalert.db"] == "0o640"
