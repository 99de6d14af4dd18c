"""The daemon's event loop, and the signals that end it."""

from __future__ import annotations

import asyncio
import signal
from typing import Any


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
