"""What becomes of alerts while the file under the database is read-only, locked by another process, or damaged.

Collected only where root may mount and loop devices exist.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from liqalert.ports import StorageError
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.housekeeping import quick_check
from liqalert.storage.lock import exclusively_by_command
from liqalert.storage.schema import migrate
from liqalert.storage.soundness import begin
from tests.fakes import NEAR_BTC
from tests.small_disk import DiskThatFails
from tests.storage.at_work import TOLD_ONCE, Store, at_work, settled, until
from tests.storage.objects import T0, liquidation, standard
from tests.storage.reading import stored_liquidations


async def _told_all_the_same(store: Store) -> None:
    """An alert is decided, both chats are told of it, and the reason is said."""
    told = len(store.notifier.sent)
    store.decide("meanwhile")
    store.journal.liquidated([liquidation(1)])
    await until(lambda: len(store.notifier.sent) == told + 2 and store.recorder.problem and store.journal.problem)
    assert "not recorded: database unwritable" in store.notifier.texts("1")[-1]


async def _with_two_chats(database: Database) -> None:
    await migrate(database)
    await sync_defaults(database, "telegram", ["1", "2"], standard=standard(NEAR_BTC), now=T0)


async def test_a_file_system_that_turns_read_only_stops_no_alert_and_spoils_nothing(tmp_path: Path) -> None:
    """As ext4 does when its disk fails: also what is open already can no longer be written."""
    with DiskThatFails(tmp_path) as disk:
        async with Database(f"sqlite+aiosqlite:///{disk.directory}/liqalert.db", busy_timeout_s=0.1) as database:
            await _with_two_chats(database)
            async with at_work(database) as store:
                store.decide("before")
                await until(lambda: len(store.notifier.sent) == 2)
                await settled(database, "before")
                # Until then it is in the kernel's memory, which a failing disk takes with it.
                await database.checkpoint()
                disk.fail()

                await _told_all_the_same(store)

                assert len(store.notifier.sent) == 4
                assert store.journal.waiting == 1
        with (
            pytest.raises(StorageError, match=r"lock cannot be written \(Read-only file system\): the file system is"),
            exclusively_by_command(f"sqlite:///{disk.directory}/liqalert.db"),
        ):
            pass
        disk.mend()
        async with Database(f"sqlite+aiosqlite:///{disk.directory}/liqalert.db") as database:
            assert await quick_check(database) == ()
            assert await settled(database, "before") == TOLD_ONCE


@contextmanager
def _lock_of_another_process(file: Path) -> Iterator[None]:
    program = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "connection.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield
        process.communicate(timeout=10)


async def test_a_lock_of_another_process_stops_no_alert_and_all_is_written_after_it(tmp_path: Path) -> None:
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db", busy_timeout_s=0.1) as database:
        await _with_two_chats(database)
        async with at_work(database) as store:
            with _lock_of_another_process(tmp_path / "liqalert.db"):
                await _told_all_the_same(store)
            await until(lambda: not store.recorder.problem and not store.journal.waiting)

            assert await settled(database, "meanwhile") == TOLD_ONCE
            assert len(store.notifier.sent) == 2
        assert await stored_liquidations(database, T0) == (liquidation(1),)


async def test_a_file_that_is_damaged_under_a_running_store_stops_no_alert(tmp_path: Path) -> None:
    """Nothing of it can be read any more either: who is told comes from memory."""
    file = tmp_path / "liqalert.db"
    async with Database(f"sqlite+aiosqlite:///{file}", busy_timeout_s=0.1) as database:
        await _with_two_chats(database)
        await database.checkpoint()
        async with at_work(database) as store:
            with file.open("r+b") as damaged:
                damaged.write(b"\xff" * file.stat().st_size)
            # As if another process had written: no page is taken from memory any more.
            file.with_name("liqalert.db-shm").write_bytes(bytes(32_768))

            await _told_all_the_same(store)

            assert len(store.notifier.sent) == 2
    async with Database(f"sqlite+aiosqlite:///{file}") as database:
        damage = await begin(database, T0)
    assert damage is not None
    assert damage.kept.exists()
