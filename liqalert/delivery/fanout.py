"""From one recorded alert to one delivery for each chat, batch by batch, resumed where it was cut short."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Set
from contextlib import suppress

from liqalert.clock import Clock
from liqalert.core.alerts import Alert
from liqalert.delivery.unrecorded import AdoptingOutbox, Unrecorded
from liqalert.ports import StorageError

log = logging.getLogger(__name__)

IDLE_S = 30.0
RETRY_S = 2.0
BUSY_S = 0.1


class FanOut:
    """Finishes every unfinished fan-out, oldest alert first; `added` is called after each batch."""

    def __init__(
        self,
        outbox: AdoptingOutbox,
        unrecorded: Unrecorded,
        clock: Clock,
        *,
        busy: Set[int],
        added: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._unrecorded = unrecorded
        self._clock = clock
        self._busy = busy
        self._added = added
        self._woken = asyncio.Event()
        self._stopping = False
        self.finished = False
        """No fan-out is open: what a chat is to be told of is known in full."""
        self.problem: str | None = None

    def wake(self) -> None:
        self.finished = False
        self._woken.set()

    def stop(self) -> None:
        """Ends `run` after the batch that is being written."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            pause_s = await self._pass()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._woken.wait()

    async def _pass(self) -> float:
        """Goes through all unfinished alerts once; how long to pause before the next pass, in seconds."""
        try:
            # Those in memory too: their fan-out may have been recorded with them when they were already going out.
            alerts = await self._outbox.unfinished(also=self._unrecorded.alert_ids())
            done = [await self._finish(alert) for alert in alerts]
        except StorageError as exc:
            log.warning("fan-out refused by the database", extra={"error": str(exc)})
            self.problem = str(exc)
            return RETRY_S
        self.problem = None
        self.finished = all(done) and not self._woken.is_set()
        return IDLE_S if all(done) else BUSY_S

    async def _finish(self, alert: Alert) -> bool:
        """Whether the fan-out of `alert` is complete now."""
        if self._unrecorded.ids(alert.id) & self._busy:
            # It went out while the database refused it, and is being sent right now: its outcome is written first.
            return False
        await self._unrecorded.write(alert.id, self._outbox)
        complete = False
        while not complete and not self._stopping:
            complete = await self._outbox.fan_out(alert, self._clock.now())
            self._added()
        return complete
