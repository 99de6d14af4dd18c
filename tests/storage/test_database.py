import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from liqalert.ports import RowRefused, StorageError
from liqalert.storage.database import Database, storable
from liqalert.storage.engines import migration_engine, parse_url
from liqalert.storage.tables import FEED_GAPS, FEED_HEARTBEATS
from tests.storage import postgresql

ROW = {"exchange": "binance", "watching_since": 1.0, "alive_at": 2.0}


async def _rows(database: Database) -> int:
    async with database.read("test") as connection:
        return len((await connection.execute(select(FEED_HEARTBEATS))).all())


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StorageError, match=r"read-?only"):
        async with database.read("test") as connection:
            await connection.execute(insert(FEED_HEARTBEATS), [ROW])


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    async def store_twice() -> None:
        async with database.write("storing twice") as connection:
            await connection.execute(insert(FEED_HEARTBEATS), [ROW])
            await connection.execute(insert(FEED_HEARTBEATS), [ROW])

    with pytest.raises(RowRefused, match=r"storing twice failed on (sqlite|postgresql)"):
        await store_twice()

    assert await _rows(database) == 0


async def test_a_reader_sees_one_state_throughout(database: Database) -> None:
    async with database.read("test") as connection:
        before = len((await connection.execute(select(FEED_HEARTBEATS))).all())
        async with database.write("test") as writer:
            await writer.execute(insert(FEED_HEARTBEATS), [ROW])
        after = len((await connection.execute(select(FEED_HEARTBEATS))).all())
        assert (before, after) == (0, 0)

    assert await _rows(database) == 1


async def test_writers_take_turns(database: Database) -> None:
    async def write(number: int) -> None:
        async with database.write("test") as connection:
            await connection.execute(insert(FEED_HEARTBEATS), [ROW | {"exchange": f"x{number}"}])
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(write(number), name=f"writer {number}")

    assert await _rows(database) == 20


async def test_a_second_writer_waits_for_the_one_connection_longer_than_for_a_lock(
    sqlite_database: Database,
) -> None:
    started = asyncio.Event()

    async def hold() -> None:
        async with sqlite_database.write("test"):
            started.set()
            await asyncio.sleep(0.2)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hold(), name="first writer")
        await started.wait()
        async with sqlite_database.write("test") as connection:
            await connection.execute(insert(FEED_HEARTBEATS), [ROW])

    assert await _rows(sqlite_database) == 1


async def test_a_cancelled_write_leaves_nothing_and_the_next_one_works(database: Database) -> None:
    started = asyncio.Event()

    async def write() -> None:
        async with database.write("test") as connection:
            await connection.execute(insert(FEED_HEARTBEATS), [ROW])
            started.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(write(), name="writer")
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await _rows(database) == 0
    async with database.write("test") as connection:
        await connection.execute(insert(FEED_HEARTBEATS), [ROW])
    assert await _rows(database) == 1


async def test_a_write_cancelled_in_the_middle_of_a_statement_does_not_hurt_the_next(database: Database) -> None:
    async def write(number: int) -> None:
        async with database.write("test") as connection:
            await connection.execute(insert(FEED_HEARTBEATS), [ROW | {"exchange": f"x{number}"}])

    for number in range(30):
        task = asyncio.create_task(write(number), name="writer")
        for _ in range(number % 7):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=5)

    await write(99)
    async with database.read("test") as connection:
        stored = set(await connection.scalars(select(FEED_HEARTBEATS.c.exchange)))
    assert "x99" in stored


async def test_a_locked_database_is_explained(sqlite_database: Database) -> None:
    assert sqlite_database.path is not None
    with closing(sqlite3.connect(sqlite_database.path)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StorageError, match=r"^storing failed on sqlite\+aiosqlite:///.*liqalert.db: .*locked"):
            async with sqlite_database.write("storing"):
                pass


async def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / "liqalert.db").write_bytes(b"not a database, but long enough to be looked at" * 100)

    async with Database(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db") as database:
        with pytest.raises(StorageError, match="file is not a database"):
            async with database.read("test") as connection:
                await connection.execute(text("SELECT * FROM alerts"))


async def test_odd_characters_in_a_path_are_just_a_path(tmp_path: Path) -> None:
    directory = tmp_path / "50% off? #1 ü"
    directory.mkdir()
    database = Database("sqlite+aiosqlite:///liqalert.db")
    await database.close()
    odd = Database(database.url.set(database=str(directory / "liqalert.db")).render_as_string())

    async with odd, odd.write("test") as connection:
        await connection.execute(text("CREATE TABLE t (x INTEGER)"))

    assert [file.name for file in directory.iterdir()] == ["liqalert.db"]


async def test_the_write_ahead_log_is_used_and_gone_after_closing(sqlite_database: Database) -> None:
    assert sqlite_database.path is not None
    async with sqlite_database.write("test") as connection:
        await connection.execute(insert(FEED_HEARTBEATS), [ROW])
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
        assert (await connection.execute(text("PRAGMA synchronous"))).scalar() == 1
        assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar() == 1
    assert await _rows(sqlite_database) == 1

    await sqlite_database.close()

    assert sorted(file.name for file in sqlite_database.path.parent.iterdir()) == ["liqalert.db"]


async def test_a_checkpoint_empties_the_write_ahead_log(sqlite_database: Database) -> None:
    assert sqlite_database.path is not None
    async with sqlite_database.write("test") as connection:
        await connection.execute(insert(FEED_HEARTBEATS), [ROW])
    log = sqlite_database.path.with_name("liqalert.db-wal")
    assert log.stat().st_size > 0

    await sqlite_database.checkpoint()

    assert log.stat().st_size == 0


async def test_who_commits_does_not_move_the_log_and_a_checkpoint_beside_readers_does(
    sqlite_database: Database, tmp_path: Path
) -> None:
    gaps = [{"exchange": "x" * 4000, "start_at": float(number), "cause": "silent"} for number in range(1500)]
    for start in range(0, len(gaps), 100):
        async with sqlite_database.write("test") as connection:
            await connection.execute(insert(FEED_GAPS), gaps[start : start + 100])
    assert _gaps_in_file(sqlite_database, tmp_path) == 0

    async with sqlite_database.read("test") as connection:
        await connection.execute(select(FEED_GAPS.c.id).limit(1))
        await sqlite_database.checkpoint(truncate=False)

    assert _gaps_in_file(sqlite_database, tmp_path) == 1500


@pytest.mark.parametrize("truncate", [True, False])
async def test_a_checkpoint_never_runs_beside_a_writer(sqlite_database: Database, truncate: bool) -> None:
    async with sqlite_database.write("test") as connection:
        await connection.execute(insert(FEED_HEARTBEATS), [ROW])
        checkpoint = asyncio.create_task(sqlite_database.checkpoint(truncate=truncate))
        await asyncio.sleep(0.2)
        assert not checkpoint.done()

    await checkpoint


def _gaps_in_file(database: Database, directory: Path) -> int:
    """As they stand in the database's own file, without its log."""
    assert database.path is not None
    copy = directory / "copy.db"
    copy.write_bytes(database.path.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        [count] = connection.execute("SELECT count(*) FROM feed_gaps").fetchone()
    copy.unlink()
    return int(count)


async def test_no_error_contains_the_password() -> None:
    url = "postgresql+asyncpg://trader:hunter2@127.0.0.1:1/liqalert?password=hunter3"

    async with Database(url) as database:
        with pytest.raises(StorageError, match="storing failed on postgresql") as caught:
            async with database.write("storing"):
                pass

    assert "hunter" not in str(caught.value)
    assert database.name == "postgresql+asyncpg://127.0.0.1:1/liqalert"


if postgresql.binaries():

    async def test_a_server_may_take_its_time_for_a_step_of_an_upgrade(
        postgresql_server: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("liqalert.storage.engines.ANSWER_WITHIN_S", 0.2)
        url = f"{postgresql_server}/postgres"
        a_long_step = text("SELECT pg_sleep(0.5)")

        async with Database(url) as database:
            with pytest.raises(StorageError, match="it does not answer"):
                async with database.write("test") as connection:
                    await connection.execute(a_long_step)
        engine = migration_engine(parse_url(url))
        async with engine.begin() as connection:
            assert len((await connection.execute(a_long_step)).all()) == 1
        await engine.dispose()

    async def test_an_unknown_postgresql_database_is_explained(postgresql_server: str) -> None:
        async with Database(f"{postgresql_server}/absent") as absent:
            with pytest.raises(StorageError, match='database "absent" does not exist'):
                async with absent.write("storing"):
                    pass


def test_a_server_without_its_driver_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)

    with pytest.raises(StorageError, match=r"pip install 'liqalert\[postgresql\]'"):
        Database("postgresql+asyncpg://127.0.0.1/liqalert")


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///x.db", "sqlite+aiosqlite"),
        ("postgresql://host/x", "postgresql+asyncpg"),
        ("postgresql+psycopg2://host/x", "postgresql+asyncpg"),
    ],
)
def test_the_driver_is_ours_whatever_the_address_says(url: str, driver: str) -> None:
    assert parse_url(url).drivername == driver


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no address with hunter2",
        "mysql://u:hunter2@h/x",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://u:p@h:hunter2@h/x",
    ],
)
def test_an_address_of_no_use_is_refused_with_one_that_works(url: str) -> None:
    with pytest.raises(StorageError, match=r"give sqlite\+aiosqlite:///FILE") as caught:
        parse_url(url)

    assert "hunter2" not in str(caught.value)


def test_text_that_no_database_can_hold_is_made_storable() -> None:
    assert storable("a\0b\udcffc币") == "ab?c币"
