"""Runs a coroutine on a clock that jumps to the next thing to do: hours pass in milliseconds, and exactly."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from liqalert.core.market import UnixTime

T = TypeVar("T")

START: UnixTime = 1_795_392_000.0
"""2026-11-23 00:00 UTC."""


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting, it moves the loop's clock on. No sockets, no threads."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        events = super().select(0)
        if not events and timeout is None:
            raise RuntimeError("every task waits for ever")
        if not events and timeout is not None:
            self.now += max(0.0, timeout)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class VirtualClock:
    """The wall clock that belongs to the virtual loop."""

    def now(self) -> UnixTime:
        return START + asyncio.get_running_loop().time()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs `main` to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
