from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from liqalert.cli import main
from liqalert.storage.database import Database
from liqalert.storage.schema import migrate
from tests.web.rig import Rig, serving


@pytest.fixture
async def daemon(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    async with serving(Rig()) as client:
        monkeypatch.setenv("LIQALERT_WEB__PORT", str(client.port))
        yield


@pytest.fixture
def database(empty_place: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["db", "upgrade"]) == 0
    capsys.readouterr()
    return empty_place / "liqalert.db"


def _gaps(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        count: int = connection.execute("SELECT count(*) FROM feed_gaps").fetchone()[0]
        return count


def _add_gap(path: Path, start_at: float) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO feed_gaps (exchange, start_at, end_at, cause) VALUES ('binance', ?, ?, 'x')",
            (start_at, start_at + 1),
        )


def test_current_is_a_problem_until_the_tables_are_there(empty_place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "current"]) == 1
    assert "run `liqalert db upgrade`" in capsys.readouterr().out
    assert main(["db", "upgrade"]) == 0
    assert main(["db", "current"]) == 0


@pytest.mark.parametrize("command", ["db current", "db upgrade", "check"])
def test_after_going_back_to_an_older_liqalert_nothing_tells_to_upgrade(
    command: str, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _made_by_a_newer_liqalert(database)

    assert main(command.split()) == 1

    shown = "".join(capsys.readouterr())
    assert "newer liqalert" in shown
    assert "or restore a backup" in shown
    assert "db upgrade" not in shown


READING = ["alerts", "why a1", "clusters", "heatmap BTC -o btc.png", "backtest --symbol BTC", "db prune"]


@pytest.mark.parametrize("command", READING)
def test_tables_of_before_an_upgrade_are_not_read_but_named_with_the_remedy(
    command: str, empty_place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(_first_tables())

    assert main(command.split()) == 1

    assert "has tables of version 0001, this liqalert needs 0004: run `liqalert db upgrade`" in capsys.readouterr().err


def _made_by_a_newer_liqalert(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


async def _first_tables() -> None:
    async with Database("sqlite+aiosqlite:///liqalert.db") as database:
        await migrate(database, "0001")


@pytest.mark.parametrize("command", READING)
def test_tables_of_a_newer_liqalert_are_not_read(
    command: str, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _made_by_a_newer_liqalert(database)

    assert main(command.split()) == 1

    assert "was made by a newer liqalert (version 9999): install that one" in capsys.readouterr().err


def test_backup_is_restored_and_what_was_there_is_kept(database: Path, empty_place: Path) -> None:
    _add_gap(database, 1.0)
    assert main(["db", "backup", "copy.db"]) == 0
    _add_gap(database, 2.0)

    assert main(["db", "restore", "copy.db"]) == 0

    assert _gaps(database) == 1
    [kept] = empty_place.glob("liqalert.db.replaced-*")
    assert _gaps(kept) == 2


def test_backup_never_overwrites(database: Path, empty_place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty_place.joinpath("copy.db").write_text("precious")

    assert main(["db", "backup", "copy.db"]) == 1

    assert "copy.db exists already" in capsys.readouterr().err
    assert empty_place.joinpath("copy.db").read_text() == "precious"


@pytest.mark.parametrize("name", [".", "..", "/", ""])
def test_backup_does_not_take_the_name_of_a_directory(
    name: str, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["db", "backup", name]) == 1

    assert capsys.readouterr().err.endswith(" exists already: give another name\n")


def test_prune_deletes_by_retention_and_says_how_many(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _add_gap(database, 1_000_000.0)

    assert main(["db", "prune"]) == 0

    shown = capsys.readouterr().out
    assert "feed_gaps: 1 rows deleted" in shown
    assert "The file keeps its size" in shown
    assert _gaps(database) == 0


@pytest.mark.parametrize("line", ["db restore copy.db", "db prune", "db upgrade"])
async def test_nothing_is_written_beside_a_running_daemon(
    database: Path, daemon: None, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _add_gap(database, 1_000_000.0)

    assert await asyncio.to_thread(main, line.split()) == 1

    assert "stop it first, because only one may write" in capsys.readouterr().err
    assert _gaps(database) == 1


async def test_backup_works_beside_a_running_daemon(database: Path, daemon: None, empty_place: Path) -> None:
    assert await asyncio.to_thread(main, ["db", "backup", "copy.db"]) == 0

    assert empty_place.joinpath("copy.db").exists()


def test_password_of_the_database_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIQALERT_DATABASE__URL", "postgresql+asyncpg://u:geheim@127.0.0.1:9/db")

    assert main(["db", "current"]) == 1

    shown = capsys.readouterr()
    assert "127.0.0.1" in shown.err
    assert "geheim" not in shown.err + shown.out
