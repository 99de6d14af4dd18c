"""The daemon's event loop."""

from __future__ import annotations

import asyncio
import sys

import pytest

from liqalert.app.loop import event_loop_factory


def loop_of_the_daemon() -> asyncio.AbstractEventLoop:
    async def running() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        return runner.run(running())


def test_the_loop_is_uvloops_where_that_is_installed() -> None:
    assert type(loop_of_the_daemon()).__module__ == "uvloop"


def test_without_uvloop_it_is_the_one_of_asyncio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)

    assert type(loop_of_the_daemon()).__module__.startswith("asyncio.")
