"""A PostgreSQL server of our own, where its binaries are installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """The newest installed server's directory; None where there is none, or no driver for it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    return found[-1].parent if found and importlib.util.find_spec("asyncpg") else None


class Server:
    """A fresh server on loopback that can be killed, frozen and started again."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.port = _free_port()
        self.url = f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}"
        """Without a database name."""

    def create(self) -> None:
        if os.getuid() == 0:
            shutil.chown(self.directory, "postgres")
        self._run("initdb", "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.directory} -c fsync=off"
        self._run("pg_ctl", "-w", "-l", f"{self.directory}/log", "-o", options, "start")

    def kill(self) -> None:
        """At once, without telling its clients or writing a checkpoint."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def demote(self) -> None:
        """It comes back as a standby: it can be read, and refuses to write."""
        self.kill()
        Path(self.directory, "cluster", "standby.signal").touch()
        self.start()

    def freeze(self) -> None:
        """It keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        master = Path(self.directory, "cluster", "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        for pid in (master, *children):
            os.kill(int(pid), number)

    def _run(self, program: str, *arguments: str) -> None:
        # As root the server must run as postgres.
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
        bin_directory = binaries()
        assert bin_directory is not None
        command = [*prefix, str(bin_directory / program), "-D", f"{self.directory}/cluster", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.directory, timeout=30)


@contextmanager
def running_server() -> Iterator[Server]:
    # Directly under /tmp: the user postgres may not enter pytest's directories.
    server = Server(tempfile.mkdtemp(prefix="liqalert-pg-", dir="/tmp"))
    try:
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(server.directory)


@contextmanager
def server() -> Iterator[str]:
    """The URL, without a database name, of a fresh server on loopback."""
    with running_server() as running:
        yield running.url


async def execute(url: str, command: str) -> None:
    """Runs `command`, outside any transaction, on the server at `url`."""
    import asyncpg

    connection = await asyncpg.connect(f"{url.replace('+asyncpg', '')}/postgres", timeout=10)
    try:
        await connection.execute(command, timeout=10)
    finally:
        await connection.close()


@asynccontextmanager
async def taken_over(url: str) -> AsyncIterator[None]:
    """Ends the connection that holds the database at `url` for a liqalert, and holds it in its place."""
    import asyncpg

    from liqalert.storage.lock import ADVISORY_KEY

    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=10)
    try:
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        # It waits for the other one to end.
        await connection.execute("SELECT pg_advisory_lock($1)", ADVISORY_KEY, timeout=10)
        yield
    finally:
        await connection.close()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
