"""A PostgreSQL server of our own, where its binaries are installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """The newest installed server's directory; None where there is none, or no driver for it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    return found[-1].parent if found and importlib.util.find_spec("asyncpg") else None


@contextmanager
def server() -> Iterator[str]:
    """The URL, without a database name, of a fresh server on loopback."""
    # Directly under /tmp: as root the server must run as postgres, which may not enter pytest's directories.
    directory = tempfile.mkdtemp(prefix="liqalert-pg-", dir="/tmp")
    prefix: list[str] = []
    if os.getuid() == 0:
        shutil.chown(directory, "postgres")
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    bin_directory = binaries()
    assert bin_directory is not None

    def run(program: str, *arguments: str) -> None:
        command = [*prefix, str(bin_directory / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=directory, timeout=30)

    port = _free_port()
    cluster = f"{directory}/cluster"
    try:
        run("initdb", "-D", cluster, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {directory} -c fsync=off"
        run("pg_ctl", "-D", cluster, "-w", "-l", f"{directory}/log", "-o", options, "start")
        try:
            yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}"
        finally:
            run("pg_ctl", "-D", cluster, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(directory)


async def execute(url: str, command: str) -> None:
    """Runs `command`, outside any transaction, on the server at `url`."""
    import asyncpg

    connection = await asyncpg.connect(f"{url.replace('+asyncpg', '')}/postgres", timeout=10)
    try:
        await connection.execute(command, timeout=10)
    finally:
        await connection.close()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
