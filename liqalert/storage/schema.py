"""Which version of the tables a database has, and how it gets to ours. Alembic is imported only when it has to work."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

import liqalert
from liqalert.ports import StorageError
from liqalert.storage.database import Database
from liqalert.storage.engines import migration_engine
from liqalert.storage.lock import exclusively

if TYPE_CHECKING:
    from alembic.config import Config


class SchemaOutdated(StorageError):
    """The database was made by another version of liqalert. The text gives the command that helps."""


def migrations_path(package: Path = Path(liqalert.__file__).parent) -> Path:
    """Where the migrations are: inside the installed package, or beside it in a checkout."""
    inside = package / "migrations"
    return inside if (inside / "env.py").is_file() else package.parent / "migrations"


def head() -> str:
    """The version of the tables that this liqalert works with: migrations are numbered, each follows the one before."""
    return max(_versions())


async def current_revision(database: Database) -> str | None:
    """The version of the tables in `database`; None where there are none yet.

    Raises StorageError, also for an SQLite file that another program keeps its tables in.
    """
    if database.path and not database.path.exists():
        return None
    async with database.read("reading the schema version") as connection:
        tables = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
        # On a server, extensions and neighbours may have tables beside ours.
        if database.path and tables - {"alembic_version"} and "liquidations" not in tables:
            raise StorageError(
                f"{database.name} holds the tables of another program: give liqalert a database.url of its own"
            )
        if "alembic_version" not in tables:
            return None
        revision: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


async def prepare(database: Database) -> None:
    """Makes the tables in a database that has none. Raises SchemaOutdated where it has those of another version."""
    if await current_revision(database) is None:
        await migrate(database)
    else:
        await expect_ours(database)


async def expect_ours(database: Database) -> None:
    """Raises StorageError where `database` has no tables, SchemaOutdated where it has those of another version."""
    revision = await current_revision(database)
    if revision is None:
        raise StorageError(f"{database.name} has no tables yet: `liqalert run` creates them")
    if revision != head():
        refuse_newer(database.name, revision)
        raise SchemaOutdated(
            f"{database.name} has tables of version {revision}, this liqalert needs {head()}: run `liqalert db upgrade`"
        )


def refuse_newer(name: str, revision: str) -> None:
    """Raises SchemaOutdated when this liqalert does not know the tables of the database `name`."""
    if revision not in _versions():
        raise SchemaOutdated(
            f"{name} was made by a newer liqalert (version {revision}): install that one, or restore a backup"
        )


def remedy(revision: str) -> str:
    """What to do about tables of another version than ours."""
    known = revision in _versions()
    return "run `liqalert db upgrade`" if known else "install the newer liqalert that made them, or restore a backup"


def _versions() -> set[str]:
    """As the names of the files begin. Alembic would have to be loaded for it, which takes long."""
    return {path.name.partition("_")[0] for path in (migrations_path() / "versions").glob("[0-9]*.py")}


async def migrate(database: Database, revision: str = "head") -> None:
    """Brings the tables to `revision` in one transaction: all of it or nothing. Raises StorageError.

    `base` and `-1` go back: to nothing, by one version.
    """
    from alembic import command
    from alembic.util import CommandError

    def run(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        step = command.downgrade if revision in ("base", "-1") else command.upgrade
        step(config, revision)

    if database.path and not database.path.parent.is_dir():
        raise StorageError(f"there is no directory {database.path.parent}: create it, or change database.url")
    engine = migration_engine(database.url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    except (CommandError, SQLAlchemyError, OSError) as exc:
        raise database.refusal("upgrading the tables", exc) from exc
    finally:
        await engine.dispose()


def upgrade(url: str) -> None:
    """Brings the tables of the database at `url` to ours, unless a liqalert runs on it.

    For the command line: it runs a loop of its own. Raises StorageError.
    """

    async def run() -> None:
        async with Database(url) as database, exclusively(database):
            revision = await current_revision(database)
            if revision is not None:
                refuse_newer(database.name, revision)
            await migrate(database)

    asyncio.run(run())


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    # Alembic reads the value through configparser, where a single % begins a reference.
    config.set_main_option("script_location", str(migrations_path()).replace("%", "%%"))
    return config
