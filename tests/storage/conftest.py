"""One suite, two databases: SQLite in a file, and PostgreSQL where its binaries are installed."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from liqalert.ports import DeliveryStatus, Outcome
from liqalert.storage.alerts import AlertStore
from liqalert.storage.amendments import MessageAmendments
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.defaults import sync_defaults
from liqalert.storage.outbox import DeliveryOutbox
from liqalert.storage.schema import upgrade
from liqalert.storage.tables import METADATA
from tests.small_disk import can_fail, can_mount
from tests.storage import postgresql
from tests.storage.objects import BTC_RULE, T0, alert, near, standard

KINDS = ["sqlite", "postgresql"] if postgresql.binaries() else ["sqlite"]
NUMBERS = itertools.count()
# Several times as fast as TRUNCATE, which makes new files for every table and index.
EMPTYING = "DO $$ BEGIN {} END $$".format(
    "".join(
        f"DELETE FROM {table.name}; "
        + (f"ALTER SEQUENCE {table.name}_id_seq RESTART; " if table.name in ("chats", "deliveries") else "")
        for table in reversed(METADATA.sorted_tables)
    )
)


# A full disk is a small file system of our own, which only root can mount.
collect_ignore = [] if can_mount() else ["test_full_disk.py"]
if not can_fail():
    collect_ignore.append("test_broken_disk.py")
if not postgresql.binaries():
    collect_ignore += ["test_lost_server.py", "test_server_of_others.py"]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    with postgresql.server() as url:
        yield url


@pytest.fixture(scope="module")
def server() -> Iterator[postgresql.Server]:
    """One that may be killed: of the tests in one file alone."""
    with postgresql.running_server() as running:
        yield running


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables; on SQLite, without even a file."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/liqalert.db"
    return _copy_of("template0", request.getfixturevalue("postgresql_server"))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "liqalert.db"
    upgrade(f"sqlite+aiosqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> str:
    url = _copy_of("template0", postgresql_server)
    upgrade(url)
    return url.rpartition("/")[2]


@pytest.fixture(params=KINDS)
def full_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of this test's own with all tables, empty."""
    if request.param == "sqlite":
        return _sqlite_copy(request, tmp_path)
    return _copy_of(request.getfixturevalue("postgresql_template"), request.getfixturevalue("postgresql_server"))


@pytest.fixture(scope="session")
def postgresql_shared(postgresql_server: str, postgresql_template: str) -> str:
    return _copy_of(postgresql_template, postgresql_server)


@pytest.fixture(params=KINDS)
def emptied_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with all tables, empty: on PostgreSQL always the same one, because making one takes longer."""
    if request.param == "sqlite":
        return _sqlite_copy(request, tmp_path)
    return str(request.getfixturevalue("postgresql_shared"))


@pytest.fixture
async def database(emptied_url: str) -> AsyncIterator[Database]:
    async with Database(emptied_url) as opened:
        if opened.path is None:
            async with opened.write("emptying") as connection:
                await connection.execute(text(EMPTYING))
        yield opened


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return _sqlite_copy(request, tmp_path)


@pytest.fixture
async def sqlite_database(sqlite_url: str) -> AsyncIterator[Database]:
    """For what is SQLite's alone. It gives up waiting for a lock after 50 ms."""
    async with Database(sqlite_url, busy_timeout_s=0.05) as opened:
        yield opened


@pytest.fixture
def alerts(database: Database) -> AlertStore:
    return AlertStore(database)


@pytest.fixture
def outbox(database: Database) -> DeliveryOutbox:
    return DeliveryOutbox(database)


@pytest.fixture
def chats(database: Database) -> ChatDirectory:
    return ChatDirectory(database)


@pytest.fixture
def amendments(database: Database) -> MessageAmendments:
    return MessageAmendments(database)


@pytest.fixture
async def sent(database: Database, alerts: AlertStore, outbox: DeliveryOutbox) -> None:
    """One chat that was told of the alert in message 77."""
    await sync_defaults(database, "telegram", ["5"], standard=standard(BTC_RULE), now=T0)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    await outbox.settle([Outcome(1, DeliveryStatus.SENT, 1, T0 + 1, T0 + 1, "77")])


def _sqlite_copy(request: pytest.FixtureRequest, directory: Path) -> str:
    file = shutil.copyfile(request.getfixturevalue("sqlite_template"), directory / "liqalert.db")
    return f"sqlite+aiosqlite:///{file}"


def _copy_of(template: str, server: str) -> str:
    """The URL of a new database of the PostgreSQL `server`, made from `template`."""
    name = f"liqalert_{next(NUMBERS)}"
    asyncio.run(postgresql.execute(server, f"CREATE DATABASE {name} TEMPLATE {template}"))
    return f"{server}/{name}"
