from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from liqalert.ports import StorageError
from liqalert.storage.database import Database
from liqalert.storage.schema import SchemaOutdated, current_revision, head, migrate, migrations_path, prepare, upgrade
from liqalert.storage.tables import METADATA


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), METADATA))


def _tables(connection: Connection) -> list[str]:
    return sorted(inspect(connection).get_table_names())


async def test_migrations_go_up_down_and_up_again(empty_url: str) -> None:
    async with Database(empty_url) as database:
        await migrate(database)
        await migrate(database, "base")

        assert await current_revision(database) is None
        async with database.read("test") as connection:
            assert await connection.run_sync(_tables) == ["alembic_version"]

        await migrate(database)

        assert await current_revision(database) == "0001"


async def test_tables_in_the_code_match_the_newest_migration(database: Database) -> None:
    async with database.write("test") as connection:
        assert await connection.run_sync(_differences) == []


async def test_all_tables_of_the_contract_exist(database: Database) -> None:
    async with database.read("test") as connection:
        assert await connection.run_sync(_tables) == [
            "alembic_version",
            "alerts",
            "baselines",
            "candles",
            "chats",
            "clusters",
            "deliveries",
            "episodes",
            "feed_gaps",
            "feed_heartbeats",
            "liquidations",
            "rules",
            "subscriptions",
            "transitions",
        ]


async def test_a_new_database_gets_its_tables(empty_url: str) -> None:
    async with Database(empty_url) as database:
        assert await current_revision(database) is None

        await prepare(database)

        assert await current_revision(database) == head()


async def test_a_present_database_is_left_alone(database: Database) -> None:
    await prepare(database)

    assert await current_revision(database) == head()


async def test_an_outdated_database_is_refused_with_the_command_that_helps(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liqalert.storage.schema.head", lambda: "0002")

    with pytest.raises(SchemaOutdated, match=r"version 0001, this liqalert needs 0002: run `liqalert db upgrade`"):
        await prepare(database)


async def test_a_database_of_a_newer_liqalert_is_refused(full_url: str) -> None:
    async with Database(full_url) as database:
        async with database.write("test") as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

        with pytest.raises(SchemaOutdated, match=r"newer liqalert \(version 9999\)"):
            await prepare(database)


async def test_upgrading_a_database_of_a_newer_liqalert_is_a_storage_error(full_url: str) -> None:
    async with Database(full_url) as database:
        async with database.write("test") as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

        with pytest.raises(StorageError, match="upgrading the tables failed"):
            await migrate(database)


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/absent/liqalert.db") as database:
        with pytest.raises(StorageError, match=r"there is no directory .*/absent: create it"):
            await prepare(database)


def test_upgrade_runs_without_a_loop(tmp_path: Path) -> None:
    upgrade(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db")

    assert (tmp_path / "liqalert.db").stat().st_size > 0


def test_migrations_are_found_beside_the_package_in_a_checkout(tmp_path: Path) -> None:
    assert migrations_path(tmp_path / "liqalert") == tmp_path / "migrations"


def test_migrations_are_found_inside_an_installed_package(tmp_path: Path) -> None:
    inside = tmp_path / "liqalert" / "migrations"
    inside.mkdir(parents=True)
    (inside / "env.py").touch()

    assert migrations_path(tmp_path / "liqalert") == inside
