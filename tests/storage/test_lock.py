"""One liqalert at a time on a database."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from liqalert.ports import StorageError
from liqalert.storage.database import Database
from liqalert.storage.lock import exclusively, exclusively_by_command
from liqalert.storage.schema import upgrade


async def test_a_second_one_is_refused_until_the_first_lets_go(empty_url: str) -> None:
    async with Database(empty_url) as first, Database(empty_url) as second:
        async with exclusively(first):
            with pytest.raises(StorageError, match=r"another liqalert.* uses .*: stop it first"):
                async with exclusively(second):
                    pass
        async with exclusively(second):
            pass


async def test_the_refusal_names_the_process_that_holds_a_file(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/liqalert.db"
    async with Database(url) as database, exclusively(database):
        with (
            pytest.raises(StorageError, match=rf"another liqalert \(process {os.getpid()}\) uses"),
            exclusively_by_command(url),
        ):
            pass


async def test_tables_are_not_brought_up_to_date_under_a_liqalert_that_runs(full_url: str) -> None:
    async with Database(full_url) as database, exclusively(database):
        with pytest.raises(StorageError, match=r"another liqalert.* uses .*: stop it first"):
            await asyncio.to_thread(upgrade, full_url)

    await asyncio.to_thread(upgrade, full_url)


async def test_another_name_of_the_same_file_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "liqalert.db")
    async with (
        Database(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db") as database,
        Database(f"sqlite+aiosqlite:///{tmp_path}/link.db") as linked,
        exclusively(database),
    ):
        with pytest.raises(StorageError, match="uses"):
            async with exclusively(linked):
                pass


def test_where_there_is_no_directory_whoever_opens_the_database_says_so(tmp_path: Path) -> None:
    with exclusively_by_command(f"sqlite+aiosqlite:///{tmp_path}/missing/liqalert.db"):
        assert list(tmp_path.iterdir()) == []


def test_nobody_else_can_hold_the_file(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with exclusively_by_command(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db"):
            [lock] = tmp_path.iterdir()
    finally:
        os.umask(before)

    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
