"""What is due, from the database and from memory, and the lists of what came too late."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence, Set

from liqalert.core.episodes import EpisodeState
from liqalert.core.market import UnixTime
from liqalert.delivery.attempts import Step, next_step
from liqalert.delivery.letters import Letter
from liqalert.delivery.unrecorded import Unrecorded
from liqalert.ports import AlertReader, Delivery, Outbox, StorageError
from liqalert.render.text import Missed

log = logging.getLogger(__name__)

READ_LIMIT = 200
LIST_LIMIT = 1000
LIST_AHEAD_S = 3600.0
"""A chat's list also takes in what would be tried again later: one message, not two."""
AGAIN_S = 1.0


class Intake:
    """Reads the outboxes when there is a reason to. `busy` are the deliveries that are taken already."""

    def __init__(self, outbox: Outbox, unrecorded: Unrecorded, history: AlertReader, *, busy: Set[int]) -> None:
        self._outbox = outbox
        self._unrecorded = unrecorded
        self._history = history
        self._busy = busy
        self._next_read: UnixTime = -math.inf
        self._late: frozenset[tuple[str, str]] = frozenset()
        self.problem: str | None = None

    def wake(self) -> None:
        self._next_read = -math.inf

    def wait_s(self, now: UnixTime) -> float:
        """How long until there is a reason to read; 0 or less: now."""
        return self._next_read - now

    async def take(self, now: UnixTime) -> tuple[Delivery, ...]:
        """What is due and not taken, longest due first. Lists are made of late ones, by `lists`."""
        # A wake while we wait for the database must not be forgotten: the new time is the earlier of the two.
        self._next_read = math.inf
        kept = self._unrecorded.due(now, self._busy)
        try:
            stored = await self._outbox.due(now, READ_LIMIT, self._busy_ids())
            next_due = now if len(stored) == READ_LIMIT else await self._outbox.next_due_at()
            self.problem = None
        except StorageError as exc:
            self.problem = str(exc)
            log.warning("outbox cannot be read", extra={"error": str(exc)})
            stored, next_due = (), now
        self._plan(now, next_due, full=len(stored) == READ_LIMIT)
        due = (*kept, *stored)
        late = {(each.channel, each.address) for each in due if next_step(each, now) is Step.LIST}
        # What turns late right now belongs on the list too: it is made when that has been written down.
        turning = any(next_step(each, now) is Step.TURN_LATE for each in due)
        self._late = frozenset() if turning else frozenset(late)
        return due

    async def lists(self, now: UnixTime) -> Sequence[Letter]:
        """One letter for each chat of the last `take` that has missed something, holding all it has missed."""
        wanted, self._late = self._late, frozenset()
        if not wanted:
            return ()
        until = now + LIST_AHEAD_S
        try:
            stored = await self._outbox.due(until, LIST_LIMIT, self._busy_ids())
        except StorageError as exc:
            self.problem = str(exc)
            return ()
        by_chat: dict[tuple[str, str], list[Delivery]] = {}
        for delivery in (*self._unrecorded.due(until, self._busy), *stored):
            if (delivery.channel, delivery.address) in wanted and next_step(delivery, now) is Step.LIST:
                by_chat.setdefault((delivery.channel, delivery.address), []).append(delivery)
        outcomes = {each.alert.id: await self._outcome(each) for late in by_chat.values() for each in late}
        return [
            Letter(tuple(late), tuple(Missed(each.alert, outcomes[each.alert.id]) for each in late))
            for late in by_chat.values()
        ]

    async def _outcome(self, delivery: Delivery) -> EpisodeState | None:
        """How the alert turned out; None where that is not known."""
        try:
            row = await self._history.why(delivery.alert.id)
        except StorageError:
            return None
        return row.episode.outcome if row is not None and row.episode is not None else None

    def _plan(self, now: UnixTime, next_due: UnixTime | None, *, full: bool) -> None:
        times = [time for time in (next_due, self._unrecorded.next_due_at()) if time is not None]
        next_read = min(times, default=math.inf)
        if next_read <= now and not full:
            # It is being sent, or must wait for something that will wake us.
            next_read = now + AGAIN_S
        self._next_read = min(self._next_read, next_read)

    def _busy_ids(self) -> tuple[int, ...]:
        return tuple(id_ for id_ in self._busy if id_ > 0)
