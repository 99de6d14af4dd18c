"""Damage is done to real files: bytes flipped in a page, a torn end, a log that belongs to the file."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from liqalert.ports import StorageError
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.enrolment import Enrolments
from liqalert.storage.journal import BatchJournal
from liqalert.storage.schema import current_revision, head
from liqalert.storage.soundness import begin
from tests.storage.objects import BTC_RULE, T0, liquidation, standard
from tests.storage.reading import stored_liquidations

PAGE = 4096


def _flip(file: Path, page: int, count: int = 1) -> None:
    """Turns every bit of `count` pages over; pages count from 1."""
    content = bytearray(file.read_bytes())
    for offset in range((page - 1) * PAGE, (page - 1 + count) * PAGE):
        content[offset] ^= 0xFF
    file.write_bytes(content)


def _root_page(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        [page] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return int(page)


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: 5 * PAGE])


async def _written(url: str) -> Path:
    """A database with a chat, its rule and two hundred liquidations; closed."""
    async with Database(url) as database:
        await sync_defaults(database, "telegram", ["5"], standard=standard(BTC_RULE), now=T0)
        journal = BatchJournal(database)
        for number in range(200):
            journal.liquidated([liquidation(number)])
        await journal.flush()
        assert database.path is not None
        return database.path


async def _begun(url: str) -> tuple[list[str], int]:
    """Addresses of the chats and number of liquidations."""
    async with Database(url) as database:
        chats = await Enrolments(database).chats()
        return [chat.address for chat in chats], len(await stored_liquidations(database, 0))


async def test_a_sound_database_is_left_as_it_is(sqlite_url: str) -> None:
    await _written(sqlite_url)

    async with Database(sqlite_url) as database:
        assert await begin(database, T0) is None

    assert await _begun(sqlite_url) == (["5"], 200)


async def test_a_new_database_gets_its_tables(empty_url: str) -> None:
    async with Database(empty_url) as database:
        assert await begin(database, T0) is None
        assert await current_revision(database) == head()


async def test_flipped_bytes_in_a_page_set_the_file_aside_and_chats_and_rules_are_taken_over(sqlite_url: str) -> None:
    file = await _written(sqlite_url)
    _flip(file, _root_page(file, "liquidations"))
    damaged = file.read_bytes()

    async with Database(sqlite_url) as database:
        damage = await begin(database, 1_795_726_500.0)

    assert damage is not None
    assert damage.kept == file.with_name("liqalert.db.damaged-20261126T205500Z")
    assert damage.kept.read_bytes() == damaged
    assert damage.taken_over == {"chats": 1, "rules": 1, "subscriptions": 1, "mutes": 0}
    assert "Taken over: 1 chat with 1 rule." in damage.sentence
    assert await _begun(sqlite_url) == (["5"], 0)


@pytest.mark.parametrize(
    "hurt",
    [
        lambda file: _flip(file, 1),
        _truncate,
        lambda file: file.write_bytes(b"no database at all" * 1_000),
        lambda file: _flip(file, 2, 40),
    ],
    ids=["header", "torn end", "other content", "many pages"],
)
async def test_however_it_is_damaged_it_begins_anew_and_keeps_every_byte(
    sqlite_url: str, hurt: Callable[[Path], object]
) -> None:
    file = await _written(sqlite_url)
    hurt(file)
    damaged = file.read_bytes()

    async with Database(sqlite_url) as database:
        damage = await begin(database, T0)
        assert await current_revision(database) == head()

    assert damage is not None
    assert damage.kept.read_bytes() == damaged


async def test_a_text_file_that_is_called_otherwise_is_not_taken_for_a_damaged_database(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("print('mine')  # höchst wichtig\n" * 500)

    async with Database(f"sqlite+aiosqlite:///{script}") as database:
        with pytest.raises(StorageError, match=r"script\.py is a text file and no database: check database\.url"):
            await begin(database, T0)

    assert [file.name for file in tmp_path.iterdir()] == ["script.py"]


async def test_who_read_the_damaged_file_before_reads_the_new_one_now(sqlite_url: str) -> None:
    file = await _written(sqlite_url)
    async with Database(sqlite_url) as database:
        assert await current_revision(database) == head()
        _flip(file, _root_page(file, "liquidations"))

        assert await begin(database, T0) is not None

        assert await stored_liquidations(database, 0) == ()


async def test_the_log_is_kept_with_the_file_it_belongs_to(sqlite_url: str) -> None:
    file = await _written(sqlite_url)
    with closing(sqlite3.connect(file)) as crashed:
        crashed.execute("INSERT INTO feed_gaps (exchange, start_at, cause) VALUES ('binance', 1, 'x')")
        crashed.commit()
        shutil.copytree(file.parent, file.parent / "after the crash")
    file = file.parent / "after the crash" / "liqalert.db"
    log = file.with_name("liqalert.db-wal").read_bytes()
    _flip(file, 1)

    async with Database(f"sqlite:///{file}") as database:
        damage = await begin(database, T0)

    assert damage is not None
    assert len(log) > PAGE
    assert damage.kept.with_name(damage.kept.name + "-wal").read_bytes() == log


async def test_damage_twice_in_the_same_second_overwrites_nothing(sqlite_url: str) -> None:
    kept = []
    for content in (b"first" * 1_000, b"second" * 1_000):
        async with Database(sqlite_url) as database:
            assert database.path is not None
            database.path.write_bytes(content)
            damage = await begin(database, T0)
            assert damage is not None
            kept.append(damage.kept)

    assert [file.read_bytes() for file in kept] == [b"first" * 1_000, b"second" * 1_000]


async def test_a_lock_is_no_damage(sqlite_url: str) -> None:
    file = await _written(sqlite_url)
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")

        async with Database(sqlite_url, busy_timeout_s=0.05) as database:
            with pytest.raises(StorageError, match="locked"):
                await begin(database, T0)

    assert [each.name for each in file.parent.iterdir()] == ["liqalert.db"]


async def test_a_database_of_another_program_is_refused_untouched(tmp_path: Path) -> None:
    file = tmp_path / "recipes.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE recipes (x)")
    before = file.read_bytes()

    async with Database(f"sqlite:///{file}") as database:
        with pytest.raises(StorageError, match=r"recipes\.db holds the tables of another program: give liqalert"):
            await begin(database, T0)

    assert file.read_bytes() == before


async def test_tables_of_another_version_are_refused_as_ever(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database:
        async with database.write("test") as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

        with pytest.raises(StorageError, match="newer liqalert"):
            await begin(database, T0)
