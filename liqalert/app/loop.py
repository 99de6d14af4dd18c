"""The daemon's event loop, and the signals that end it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def stop_on_signals() -> asyncio.Event:
    """Set by SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


def event_loop_factory() -> Any:
    """uvloop where it is installed: half the CPU for frames that come one at a time."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def unless_ending(stopping: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What `work` gives; None, and `work` is cancelled, when the end comes first."""
    working, ending = asyncio.ensure_future(work), asyncio.ensure_future(stopping.wait())
    try:
        # No timeout: `work` has one of its own.
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, ending):
            task.cancel()
