"""Writes outcomes in small batches, soon after they are known, and again until the database takes them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from liqalert.delivery.unrecorded import Unrecorded
from liqalert.ports import Outbox, Outcome, StorageError

log = logging.getLogger(__name__)

GATHER_S = 0.02
"""Answers that come within this time share a transaction. Well below the 100 ms an outcome may wait."""
RETRY_S = 1.0
TIMEOUT_S = 6.0


class Settler:
    """`stored` is called with each batch once it is safe."""

    def __init__(self, outbox: Outbox, unrecorded: Unrecorded, *, stored: Callable[[Sequence[Outcome]], None]) -> None:
        self._outbox = outbox
        self._unrecorded = unrecorded
        self._stored = stored
        self._pending: list[Outcome] = []
        self._arrived = asyncio.Event()
        self._closing = False
        self.problem: str | None = None

    def put(self, outcome: Outcome) -> None:
        """Negative ids go to the outbox in memory."""
        self._pending.append(outcome)
        self._arrived.set()

    def close(self) -> None:
        """Ends `run` once what is pending is written, or refused once more."""
        self._closing = True
        self._arrived.set()

    async def run(self) -> None:
        while not self._closing or self._pending:
            # No timeout: nothing is to be done until an outcome arrives or `close` is called.
            await self._arrived.wait()
            self._arrived.clear()
            await asyncio.sleep(0.0 if self._closing else GATHER_S)
            if self._pending and not await self._write():
                if self._closing:
                    log.error("outcomes lost at shutdown", extra={"count": len(self._pending)})
                    return
                await asyncio.sleep(RETRY_S)
                self._arrived.set()

    async def _write(self) -> bool:
        """Whether everything that was pending is safe now."""
        self._keep([outcome for outcome in self._pending if outcome.delivery_id < 0])
        batch = tuple(self._pending)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._outbox.settle(batch)
        except (StorageError, TimeoutError) as exc:
            self.problem = f"outcomes of deliveries cannot be written: {str(exc) or 'the database does not answer'}"
            log.warning("outcomes refused by the database", extra={"count": len(batch), "error": str(exc)})
            return False
        self.problem = None
        del self._pending[: len(batch)]
        self._stored(batch)
        return True

    def _keep(self, outcomes: Sequence[Outcome]) -> None:
        """Those in memory never wait for the database."""
        self._pending = [outcome for outcome in self._pending if outcome.delivery_id > 0]
        self._unrecorded.settle(outcomes)
        self._stored(outcomes)
