"""From every version of the tables there ever was to ours, with rows in every table: nothing is lost on the way."""

from __future__ import annotations

from typing import TypeAlias

import pytest
from sqlalchemy import Boolean, Column, Connection, Float, Integer, MetaData, Table, inspect, select
from sqlalchemy.types import TypeEngine

from liqalert.storage.database import Database
from liqalert.storage.schema import current_revision, head, migrate, migrations_path

REVISIONS = sorted(file.name[:4] for file in (migrations_path() / "versions").glob("[0-9]*.py"))
ROWS = 3
DERIVED = {("deliveries", "final"), ("deliveries", "sent_at"), ("episodes", "closest_pct")}
"""What an upgrade works out from the other columns, or says in another; test_schema.py looks at it."""

Rows: TypeAlias = dict[str, list[dict[str, object]]]


def _tables(connection: Connection) -> list[Table]:
    """All but Alembic's own, each after those it refers to."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def _value(column: Column[object], number: int) -> object:
    if column.foreign_keys:
        # Rows of what it refers to were made in the same way, by the same number.
        return _value(next(iter(column.foreign_keys)).column, number)
    kind: TypeEngine[object] = column.type
    if isinstance(kind, Boolean):
        return number % 2 == 0
    if isinstance(kind, Integer):
        return number + 1
    if isinstance(kind, Float):
        return 1_795_000_000.125 + number
    return f"{column.name} {number}: 币安 'quoted' {{}}"


def _fill(connection: Connection) -> None:
    for table in _tables(connection):
        rows = [{column.name: _value(column, number) for column in table.columns} for number in range(ROWS)]
        connection.execute(table.insert(), rows)


def _read(connection: Connection) -> Rows:
    found: Rows = {}
    for table in _tables(connection):
        rows = connection.execute(select(table).order_by(*table.primary_key)).mappings()
        found[table.name] = [dict(row) for row in rows]
    return found


def _without(rows: Rows, like: Rows) -> Rows:
    """`rows` with the tables and columns that `like` has."""
    kept: Rows = {}
    for name, before in like.items():
        columns = [column for column in before[0] if (name, column) not in DERIVED]
        kept[name] = [{column: row.get(column) for column in columns} for row in rows.get(name, [])]
    return kept


@pytest.mark.parametrize("revision", REVISIONS)
async def test_an_upgrade_from_every_version_keeps_every_row(empty_url: str, revision: str) -> None:
    async with Database(empty_url) as database:
        await migrate(database, revision)
        async with database.write("test") as connection:
            await connection.run_sync(_fill)
            before = await connection.run_sync(_read)

        await migrate(database)

        assert await current_revision(database) == head()
        async with database.read("test") as connection:
            after = await connection.run_sync(_read)
    assert len(before) > 10
    assert all(len(rows) == ROWS for rows in before.values())
    assert _without(after, before) == _without(before, before)


async def test_an_upgrade_that_is_cut_short_leaves_the_old_version_whole(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step of the newest migration fails: a full disk, or a kill."""
    async with Database(empty_url) as database:
        await migrate(database, REVISIONS[0])
        async with database.write("test") as connection:
            await connection.run_sync(_fill)
            before = await connection.run_sync(_read)

        with pytest.raises(RuntimeError, match="cut short"):
            await _migrate_and_fail(database, monkeypatch)

        assert await current_revision(database) == REVISIONS[0]
        async with database.read("test") as connection:
            assert await connection.run_sync(_read) == before
            assert await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version"))


async def _migrate_and_fail(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command

    upgrade = command.upgrade

    def cut_short(*arguments: object) -> None:
        upgrade(*arguments)  # type: ignore[arg-type]
        raise RuntimeError("cut short")

    monkeypatch.setattr(command, "upgrade", cut_short)
    await migrate(database)
