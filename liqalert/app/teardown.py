"""Named stops, in the reverse order of the starts, within one deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from liqalert.ports import StorageError

log = logging.getLogger(__name__)


class Teardown:
    """Register each stop right after its start. A stop that fails is logged by name and keeps none from running."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], Awaitable[object]]]] = []

    def add(self, name: str, stop: Callable[[], Awaitable[object]]) -> None:
        self._steps.append((name, stop))

    def add_task(self, task: asyncio.Task[None]) -> None:
        """The stop of a task that runs for ever: cancel it and wait until it has ended."""
        self.add(task.get_name(), lambda: _cancel(task))

    async def run(self, within_s: float) -> None:
        """Runs every stop. Raises an ExceptionGroup of the unexpected errors once all of them have run."""
        unexpected: list[Exception] = []
        try:
            async with asyncio.timeout(within_s):
                while self._steps:
                    await self._stop(*self._steps[-1], unexpected=unexpected)
                    self._steps.pop()
        except TimeoutError:
            log.error("shutdown cut short", extra={"not_stopped": [name for name, _ in reversed(self._steps)]})
        if unexpected:
            raise ExceptionGroup("stopping failed", unexpected)

    async def _stop(self, name: str, stop: Callable[[], Awaitable[object]], *, unexpected: list[Exception]) -> None:
        try:
            await stop()
        except TimeoutError:
            raise
        except (StorageError, OSError) as exc:
            log.warning("not stopped properly", extra={"part": name, "reason": str(exc)})
        except Exception as exc:
            log.exception("not stopped", extra={"part": name})
            unexpected.append(exc)


async def _cancel(task: asyncio.Task[None]) -> None:
    """An error in the task is not raised here: its group has it already."""
    task.cancel()
    # No timeout of its own: `run` has one for everything.
    await asyncio.wait({task})
