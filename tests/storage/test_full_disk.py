"""Collected only where a small file system can be mounted."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from liqalert.ports import StorageError
from liqalert.storage.alerts import AlertStore
from liqalert.storage.copies import backup
from liqalert.storage.database import Database
from liqalert.storage.disk import free_bytes
from liqalert.storage.housekeeping import quick_check
from liqalert.storage.journal import BatchJournal
from liqalert.storage.schema import migrate
from liqalert.storage.tables import PAIRING_CODES
from tests.small_disk import mounted
from tests.storage.objects import T0, alert, liquidation, near
from tests.storage.reading import stored_liquidations

CODE = {"role": "x" * 1_000, "created_at": T0, "expires_at": T0}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Two megabytes."""
    directory = tmp_path / "disk"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(directory)], check=True, timeout=10)
    yield directory
    subprocess.run(["umount", str(directory)], check=True, timeout=10)


def _fill(directory: Path) -> Path:
    """The file that takes up all the room there was."""
    ballast = directory / "ballast"
    ballast.write_bytes(b"x" * shutil.disk_usage(directory).free)
    return ballast


async def test_a_full_disk_is_said_and_nothing_is_lost_once_there_is_room(small_disk: Path) -> None:
    async with Database(f"sqlite+aiosqlite:///{small_disk}/liqalert.db") as database:
        await migrate(database)
        journal = BatchJournal(database)
        for number in range(1_000):
            journal.liquidated([liquidation(number)])
        ballast = _fill(small_disk)

        await journal.flush()
        with pytest.raises(StorageError, match=r"recording decisions failed on .*(full|disk I/O error)"):
            await AlertStore(database).record([near()])

        assert journal.problem is not None
        assert "writing liquidations failed" in journal.problem
        assert journal.waiting == 1_000

        ballast.unlink()
        await journal.flush()
        await AlertStore(database).record([near()])

        assert journal.problem is None
        assert len(await stored_liquidations(database, T0)) == 1_000
        assert [row.alert for row in await AlertStore(database).recent(9)] == [alert()]
        assert await quick_check(database) == ()


async def test_a_copy_for_which_there_is_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    """Of one that is larger than what SQLite keeps in memory it begins a journal, which it leaves."""
    with mounted(tmp_path / "disk", "16m") as disk:
        async with Database(f"sqlite+aiosqlite:///{disk}/liqalert.db") as database:
            await migrate(database)
            async with database.write("test") as connection:
                rows = [{"code_hash": f"{number}", **CODE} for number in range(5_000)]
                await connection.execute(insert(PAIRING_CODES), rows)
            await database.checkpoint()
            (disk / "ballast").write_bytes(b"x" * (shutil.disk_usage(disk).free - 4_000_000))

            with pytest.raises(StorageError, match=r"copying .* failed: .*disk is full"):
                await backup(database, disk / "copy.db")

            assert sorted(file.name for file in disk.iterdir() if "copy" in file.name) == []


def test_room_is_that_of_the_disk_the_file_lies_on(small_disk: Path) -> None:
    before = free_bytes(small_disk / "liqalert.db")
    _fill(small_disk)

    assert before is not None
    assert 1_500_000 < before <= 2_097_152
    assert free_bytes(small_disk / "liqalert.db") == 0
