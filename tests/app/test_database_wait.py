"""A database that is not there yet when the daemon is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from liqalert.app.database_wait import until_there
from liqalert.storage.database import Database
from liqalert.storage.schema import migrate
from tests.small_disk import can_mount, fill, mounted
from tests.storage import postgresql


async def test_a_new_or_a_damaged_file_is_there(tmp_path: Path) -> None:
    file = tmp_path / "liqalert.db"
    async with Database(f"sqlite:///{file}") as database:
        assert await until_there(database, asyncio.Event(), {})
    file.write_bytes(b"holiday.jpg" * 1_000)
    async with Database(f"sqlite:///{file}") as database:
        assert await until_there(database, asyncio.Event(), {})


if postgresql.binaries():

    async def test_a_server_that_comes_up_later_is_waited_for(tmp_path: Path) -> None:
        """And systemd is told why, and asked for patience."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, postgresql.running_server() as server:
            systemd.bind(str(tmp_path / "notify"))
            systemd.settimeout(20)
            await asyncio.to_thread(server.kill)
            environ = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
            async with Database(f"{server.url}/postgres") as database, asyncio.TaskGroup() as tasks:
                waiting = tasks.create_task(until_there(database, asyncio.Event(), environ, retry_s=0.1))
                said = (await asyncio.to_thread(systemd.recv, 4_096)).decode()
                assert not waiting.done()
                await asyncio.to_thread(server.start)
                there = await asyncio.wait_for(waiting, 30)

        assert there
        assert "EXTEND_TIMEOUT_USEC=60000000" in said
        assert "STATUS=waiting for the database: reading the schema version failed" in said

    async def test_the_end_comes_before_a_server_that_never_does() -> None:
        stopping = asyncio.Event()
        async with Database("postgresql://postgres@127.0.0.1:1/x") as database, asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(until_there(database, stopping, {}))
            await asyncio.sleep(0)
            stopping.set()

            assert await asyncio.wait_for(waiting, 30) is False


if can_mount():

    @pytest.fixture
    async def database_on_full_disk(tmp_path: Path) -> AsyncIterator[tuple[Database, Path]]:
        """Closed properly before, so that even reading needs room; and the file that takes it."""
        with mounted(tmp_path / "disk", "2m") as directory:
            url = f"sqlite+aiosqlite:///{directory}/liqalert.db"
            async with Database(url) as database:
                await migrate(database)
            ballast = fill(directory)
            async with Database(url) as database:
                yield database, ballast

    async def test_a_disk_without_room_to_read_is_waited_for(database_on_full_disk: tuple[Database, Path]) -> None:
        database, ballast = database_on_full_disk
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(until_there(database, asyncio.Event(), {}, retry_s=0.1))
            await asyncio.sleep(0.5)
            early = waiting.done()
            ballast.unlink()

            assert await asyncio.wait_for(waiting, 30)
        assert not early
