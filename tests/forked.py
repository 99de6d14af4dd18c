"""A `liqalert` process that need not import: it is forked from one that has, once for each process of the tests.

Of what a daemon computes until it is ready, that is two thirds. Whatever looks at a start itself, or needs another
environment than the tests' own (`can_fork`), starts anew.
"""

from __future__ import annotations

import asyncio
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Self

_INHERITED = dict(os.environ)
_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["liqalert.cli", "liqalert.app.lifecycle", "liqalert.storage.schema", "alembic.command", "uvloop"]
)


def can_fork(environ: Mapping[str, str]) -> bool:
    """Whether only liqalert's own variables differ from those of the process that the fork comes from."""
    differ = {name for name in {*environ, *_INHERITED} if environ.get(name) != _INHERITED.get(name)}
    return all(name.startswith(("LIQALERT_", "PYTEST_", "PYTHON")) for name in differ)


class ForkedProcess:
    """What the tests use of `asyncio.subprocess.Process`."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self._ended = asyncio.create_task(self._wait(), name="wait for the forked process")

    @classmethod
    async def start(cls, arguments: Sequence[str], *, cwd: Path, environ: Mapping[str, str], log: Path) -> Self:
        """`liqalert ARGUMENTS`, its output appended to `log`."""
        process = _FORKS.Process(target=_run, args=(tuple(arguments), cwd, dict(environ), log))
        # In a thread: the first waits until the process that it comes from has imported.
        await asyncio.to_thread(process.start)
        return cls(process)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            if self.returncode is None:
                os.kill(self.pid, number)

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    async def _wait(self) -> int:
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            asyncio.get_running_loop().remove_reader(self._process.sentinel)
        assert self._process.exitcode is not None
        return self._process.exitcode


def _run(arguments: tuple[str, ...], cwd: Path, environ: dict[str, str], log: Path) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    sys.argv = ["liqalert", *arguments]
    runpy.run_module("liqalert", run_name="__main__")
