"""Collected only where a small file system can be mounted."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from liqalert.ports import StorageError
from liqalert.storage.alerts import AlertStore
from liqalert.storage.database import Database
from liqalert.storage.disk import free_bytes
from liqalert.storage.housekeeping import quick_check
from liqalert.storage.journal import BatchJournal
from liqalert.storage.schema import migrate
from tests.storage.objects import T0, alert, liquidation, near
from tests.storage.reading import stored_liquidations


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


def test_room_is_that_of_the_disk_the_file_lies_on(small_disk: Path) -> None:
    before = free_bytes(small_disk / "liqalert.db")
    _fill(small_disk)

    assert before is not None
    assert 1_500_000 < before <= 2_097_152
    assert free_bytes(small_disk / "liqalert.db") == 0
