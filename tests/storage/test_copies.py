import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from liqalert.ports import StorageError
from liqalert.storage.copies import backup, restore
from liqalert.storage.database import Database
from liqalert.storage.housekeeping import quick_check
from liqalert.storage.journal import BatchJournal
from liqalert.storage.tables import CANDLES
from tests.storage import postgresql
from tests.storage.objects import T0, liquidation
from tests.storage.reading import stored_liquidations


async def backed_up_between_two_writes(database: Database, file: Path) -> None:
    journal = BatchJournal(database)
    journal.liquidated([liquidation(0)])
    await journal.flush()
    await backup(database, file)
    journal.liquidated([liquidation(1)])
    await journal.flush()


async def test_a_backup_taken_while_writing_can_be_restored(sqlite_database: Database, tmp_path: Path) -> None:
    await backed_up_between_two_writes(sqlite_database, tmp_path / "copy.db")
    await sqlite_database.close()
    url = f"sqlite:///{sqlite_database.path}"

    kept = restore(url, tmp_path / "copy.db", 1_795_726_500.0)

    assert kept == tmp_path / "liqalert.db.replaced-20261126T205500Z"
    async with Database(url) as restored:
        assert await stored_liquidations(restored, T0) == (liquidation(0),)
    async with Database(f"sqlite:///{kept}") as old:
        assert await stored_liquidations(old, T0) == (liquidation(0), liquidation(1))


async def test_a_backup_holds_whole_transactions_however_much_is_written_meanwhile(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Each transaction writes seven candles."""
    written = 0

    async def write() -> None:
        nonlocal written
        while True:
            rows = [_candle() | {"open_time": T0 + 60 * (7 * written + number)} for number in range(7)]
            async with sqlite_database.write("test") as connection:
                await connection.execute(insert(CANDLES), rows)
            written += 1

    writing = asyncio.create_task(write())
    for number in range(5):
        before = written
        await backup(sqlite_database, tmp_path / f"copy{number}.db")
        async with asyncio.timeout(30):
            while written < before + 3:
                await asyncio.sleep(0.001)
    writing.cancel()
    await asyncio.wait([writing])

    for number in range(5):
        async with Database(f"sqlite:///{tmp_path}/copy{number}.db") as copy, copy.read("test") as connection:
            assert await quick_check(copy) == ()
            count = await connection.scalar(select(func.count()).select_from(CANDLES)) or 0
            assert count % 7 == 0
            assert number == 0 or count > 0


async def test_a_backup_does_not_overwrite_a_file(sqlite_database: Database, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious")

    with pytest.raises(StorageError, match="exists already: give another name"):
        await backup(sqlite_database, tmp_path / "copy.db")

    assert (tmp_path / "copy.db").read_text() == "precious"


async def test_a_backup_that_fails_leaves_no_file(sqlite_database: Database, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"copying .* failed"):
        await backup(sqlite_database, tmp_path / "absent" / "copy.db")

    assert not (tmp_path / "absent").exists()


async def test_restoring_under_a_running_liqalert_is_refused(sqlite_database: Database, tmp_path: Path) -> None:
    await backup(sqlite_database, tmp_path / "copy.db")
    async with sqlite_database.write("test") as connection:
        await connection.execute(insert(CANDLES), [_candle()])

    with pytest.raises(StorageError, match=r"is in use .*: stop liqalert first"):
        restore(f"sqlite:///{sqlite_database.path}", tmp_path / "copy.db", T0)

    async with sqlite_database.read("test") as connection:
        assert await connection.scalar(select(func.count()).select_from(CANDLES)) == 1


def _candle() -> dict[str, object]:
    price = {"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0}
    return {"exchange": "binance", "symbol": "BTCUSDT", "open_time": T0} | price


def test_a_damaged_database_is_replaced_and_kept_with_its_log(sqlite_template: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "liqalert.db"
    damaged.write_bytes(b"no database at all" * 1_000)
    damaged.with_name("liqalert.db-wal").write_bytes(b"its log")

    kept = restore(f"sqlite:///{damaged}", sqlite_template, T0)

    assert damaged.read_bytes()[:15] == b"SQLite format 3"
    assert kept is not None
    assert kept.read_bytes() == b"no database at all" * 1_000
    assert kept.with_name(kept.name + "-wal").read_bytes() == b"its log"
    assert not damaged.with_name("liqalert.db-wal").exists()


async def test_an_old_log_without_its_database_stays_out_of_what_is_restored(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """SQLite would replay it into any file of that name."""
    await backed_up_between_two_writes(sqlite_database, tmp_path / "copy.db")
    (tmp_path / "crashed").mkdir()
    log = Path(shutil.copyfile(f"{sqlite_database.path}-wal", tmp_path / "crashed" / "liqalert.db-wal"))
    content = log.read_bytes()

    kept = restore(f"sqlite:///{tmp_path}/crashed/liqalert.db", tmp_path / "copy.db", 1_795_726_500.0)

    assert kept == tmp_path / "crashed" / "liqalert.db.replaced-20261126T205500Z-wal"
    assert kept.read_bytes() == content
    async with Database(f"sqlite:///{tmp_path}/crashed/liqalert.db") as restored:
        assert await stored_liquidations(restored, T0) == (liquidation(0),)
        assert await quick_check(restored) == ()


@pytest.mark.parametrize(
    ("left", "named"), [(("-journal",), "-journal"), (("-shm",), "-shm"), (("-wal", "-shm"), "-wal")]
)
def test_what_is_left_of_a_missing_database_is_kept_under_the_name_given(
    sqlite_template: Path, tmp_path: Path, *, left: tuple[str, ...], named: str
) -> None:
    for suffix in left:
        (tmp_path / f"new.db{suffix}").write_text(suffix)

    kept = restore(f"sqlite:///{tmp_path}/new.db", sqlite_template, 1_795_726_500.0)

    assert kept == tmp_path / f"new.db.replaced-20261126T205500Z{named}"
    old = {f"new.db.replaced-20261126T205500Z{suffix}": suffix for suffix in left}
    assert {file.name for file in tmp_path.iterdir()} == {"new.db", *old}
    assert {name: (tmp_path / name).read_text() for name in old} == old


def test_an_old_log_takes_no_name_of_another(sqlite_template: Path, tmp_path: Path) -> None:
    """Both are set aside within the same second."""
    for content in ("first", "second"):
        (tmp_path / "new.db").unlink(missing_ok=True)
        (tmp_path / "new.db-wal").write_text(content)

        kept = restore(f"sqlite:///{tmp_path}/new.db", sqlite_template, T0)

        assert kept is not None
        assert kept.read_text() == content

    assert {file.read_text() for file in tmp_path.glob("*-wal")} == {"first", "second"}


def test_restoring_where_nothing_was_keeps_nothing(sqlite_template: Path, tmp_path: Path) -> None:
    assert restore(f"sqlite:///{tmp_path}/new.db", sqlite_template, T0) is None

    assert sorted(file.name for file in tmp_path.iterdir()) == ["new.db"]


def _foreign(file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE recipes (x)")


def _of_another_alembic(file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE alembic_version (version_num)")


def _damaged(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:8_192] + bytes(4_096) + content[12_288:])


def _newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")


NO_BACKUPS: list[tuple[Callable[[Path], object], str]] = [
    (_foreign, r"copy\.db is not a liqalert database$"),
    (_of_another_alembic, r"copy\.db is not a liqalert database$"),
    (lambda file: file.write_bytes(b"holiday.jpg" * 1_000), r"copy\.db is damaged: file is not a database$"),
    (lambda file: file.write_bytes(b""), r"copy\.db is not a liqalert database$"),
    (lambda file: None, r"there is no file .*copy\.db: give the path of a liqalert database$"),
    (lambda file: file.mkdir(), r"there is no file .*copy\.db: give the path of a liqalert database$"),
]
BAD_BACKUPS: list[tuple[Callable[[Path], object], str]] = [
    (_damaged, r"copy\.db is damaged: "),
    (
        lambda file: file.write_bytes(file.read_bytes()[:20_480]),
        r"copy\.db is damaged: database disk image is malformed$",
    ),
    (_newer, r"copy\.db was made by a newer liqalert \(version 9999\): install that one"),
]


def _state(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir() if not file.name.startswith("copy.db")}


@pytest.mark.parametrize(("make", "refusal"), NO_BACKUPS)
def test_what_is_no_backup_is_refused_and_changes_nothing(
    sqlite_url: str, tmp_path: Path, make: Callable[[Path], object], refusal: str
) -> None:
    make(tmp_path / "copy.db")
    before = _state(tmp_path)

    with pytest.raises(StorageError, match=refusal):
        restore(sqlite_url, tmp_path / "copy.db", T0)

    assert _state(tmp_path) == before


@pytest.mark.parametrize(("hurt", "refusal"), BAD_BACKUPS)
def test_a_damaged_or_newer_backup_is_refused_and_changes_nothing(
    sqlite_url: str, sqlite_template: Path, tmp_path: Path, *, hurt: Callable[[Path], object], refusal: str
) -> None:
    hurt(Path(shutil.copyfile(sqlite_template, tmp_path / "copy.db")))
    before = _state(tmp_path)

    with pytest.raises(StorageError, match=refusal):
        restore(sqlite_url, tmp_path / "copy.db", T0)

    assert _state(tmp_path) == before


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (lambda file: None, r"there is no file .*liqalert\.db"),
        (_foreign, r"liqalert\.db is not a liqalert database$"),
        (lambda file: file.write_bytes(b"holiday.jpg" * 1_000), r"liqalert\.db is damaged: file is not a database$"),
    ],
)
async def test_what_is_no_database_of_ours_is_not_backed_up(
    tmp_path: Path, make: Callable[[Path], object], refusal: str
) -> None:
    make(tmp_path / "liqalert.db")

    async with Database(f"sqlite:///{tmp_path}/liqalert.db") as database:
        with pytest.raises(StorageError, match=refusal):
            await backup(database, tmp_path / "copy.db")

    assert not (tmp_path / "copy.db").exists()


async def test_a_backup_after_kill_9_holds_what_only_the_log_has(sqlite_database: Database, tmp_path: Path) -> None:
    """The files are those of a process that had no time to close them."""
    journal = BatchJournal(sqlite_database)
    journal.liquidated([liquidation(0)])
    await journal.flush()
    (tmp_path / "crashed").mkdir()
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{sqlite_database.path}{suffix}", tmp_path / "crashed" / f"liqalert.db{suffix}")

    async with Database(f"sqlite:///{tmp_path}/crashed/liqalert.db") as database:
        await backup(database, tmp_path / "copy.db")

    async with Database(f"sqlite:///{tmp_path}/copy.db") as copy:
        assert await stored_liquidations(copy, T0) == (liquidation(0),)


def test_every_restore_keeps_what_it_replaces(sqlite_template: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/liqalert.db"

    kept = [restore(url, sqlite_template, T0) for _ in range(3)]

    assert kept[0] is None
    assert len({file for file in kept if file is not None and file.exists()}) == 2


if postgresql.binaries():

    async def test_postgresql_is_left_to_its_own_tools(postgresql_server: str, tmp_path: Path) -> None:
        async with Database(f"{postgresql_server}/postgres") as database:
            with pytest.raises(StorageError, match="pg_dump"):
                await backup(database, tmp_path / "copy")
        with pytest.raises(StorageError, match="pg_restore"):
            restore(f"{postgresql_server}/postgres", tmp_path / "copy", T0)
