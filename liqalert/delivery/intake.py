"""What is due, from the database and from memory, and the lists of what a chat has not been told in time."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
from collections.abc import Mapping, Sequence, Set
from typing import TypeAlias

from liqalert.core.market import UnixTime
from liqalert.delivery.attempts import Step, next_step
from liqalert.delivery.letters import Letter
from liqalert.delivery.unrecorded import Unrecorded
from liqalert.ports import Delivery, DeliveryStatus, Outbox, StorageError

log = logging.getLogger(__name__)

READ_LIMIT = 200
LIST_LIMIT = 1000
"""At most so many alerts in one list."""
LISTS_AT_ONCE = 20
"""Of chats; the others have theirs with the next reading."""
LIST_AHEAD_S = 3600.0
"""A chat's list also takes in what would be tried again later: one message, not two."""
AGAIN_S = 1.0
READING_WITHIN_S = 3.0
"""What is kept in memory must not wait for ever for a database that does not answer."""

ListOf: TypeAlias = tuple[str, str, DeliveryStatus]
"""Channel, address, and why: what came too late and what was held are told apart."""


class Intake:
    """Reads the outboxes when there is a reason to. `busy` are the deliveries that are taken already."""

    def __init__(self, outbox: Outbox, unrecorded: Unrecorded, *, busy: Set[int]) -> None:
        self._outbox = outbox
        self._unrecorded = unrecorded
        self._busy = busy
        self._next_read: UnixTime = -math.inf
        self._wanted: Mapping[ListOf, int] = {}
        """With the chat's id."""
        self._reading = False
        self.problem: str | None = None

    def caught_up(self, now: UnixTime) -> bool:
        """Whether everything that is due is taken, so that what has just become due may be taken unread: it would be
        the next to come out. Not so while there is any doubt."""
        waits = not self._reading and self.wait_s(now) > 0.0
        return waits and self.problem is None and not self._unrecorded.alert_ids()

    def wake(self) -> None:
        self._next_read = -math.inf

    def wait_s(self, now: UnixTime) -> float:
        """How long until there is a reason to read; 0 or less: now."""
        return self._next_read - now

    async def take(self, now: UnixTime) -> tuple[Delivery, ...]:
        """What is due and not taken, longest due first. Of late and held ones lists are made, by `lists`."""
        self._reading = True
        try:
            return await self._take(now)
        finally:
            self._reading = False

    async def _take(self, now: UnixTime) -> tuple[Delivery, ...]:
        # A wake while we wait for the database must not be forgotten: the new time is the earlier of the two.
        self._next_read = math.inf
        kept_ids = self._unrecorded.alert_ids()
        try:
            async with asyncio.timeout(READING_WITHIN_S):
                stored = await self._outbox.due(now, READ_LIMIT, self._busy_ids())
                next_due = now if len(stored) == READ_LIMIT else await self._outbox.next_due_at()
            self.problem = None
        except (StorageError, TimeoutError) as exc:
            self.problem = _refusal(exc)
            log.warning("outbox cannot be read", extra={"error": self.problem})
            stored, next_due = (), now
        # What was in memory before or after the wait: read meanwhile, it may be out of date.
        kept_ids |= self._unrecorded.alert_ids()
        stored = tuple(each for each in stored if each.alert.id not in kept_ids)
        # After the wait: what the database has taken over meanwhile is no longer here, and would be sent twice.
        kept = self._unrecorded.due(now, READ_LIMIT, self._busy)
        self._plan(now, next_due, full=READ_LIMIT in (len(stored), len(kept)))
        due = (*kept, *stored)
        wanted = {_list_of(each): each.chat_id for each in due if next_step(each, now) is Step.LIST}
        # What turns late right now belongs on the list too: it is made when that has been written down.
        turning = any(next_step(each, now) is Step.TURN_LATE for each in due)
        self._wanted = {} if turning else dict(itertools.islice(wanted.items(), LISTS_AT_ONCE))
        return due

    async def lists(self, now: UnixTime) -> Sequence[Letter]:
        """One letter for each chat of the last `take` that is owed a list, holding all that belongs on it."""
        wanted, self._wanted = self._wanted, {}
        if not wanted:
            return ()
        self._reading = True
        try:
            return await self._lists(wanted, now)
        finally:
            self._reading = False

    async def _lists(self, wanted: Mapping[ListOf, int], now: UnixTime) -> Sequence[Letter]:
        until = now + LIST_AHEAD_S
        kept_ids = self._unrecorded.alert_ids()
        try:
            async with asyncio.timeout(READING_WITHIN_S):
                stored = await self._due_to(sorted(set(wanted.values())), until)
        except (StorageError, TimeoutError) as exc:
            self.problem = _refusal(exc)
            return ()
        kept_ids |= self._unrecorded.alert_ids()
        stored = tuple(each for each in stored if each.alert.id not in kept_ids)
        lists: dict[ListOf, list[Delivery]] = {}
        due = (*self._unrecorded.due(until, LIST_LIMIT), *stored)
        # What turns late with the next reading, or is about to be written down as late, belongs on the list, which
        # waits for it.
        turning = {each.chat_id for each in due if each.due_at <= now and next_step(each, now) is Step.TURN_LATE}
        for delivery in due:
            ready = delivery.id not in self._busy and delivery.chat_id not in turning
            if ready and _list_of(delivery) in wanted and _belongs(delivery, now):
                lists.setdefault(_list_of(delivery), []).append(delivery)
        return [Letter(tuple(listed), listed=True) for listed in lists.values()]

    async def _due_to(self, chat_ids: Sequence[int], until: UnixTime) -> tuple[Delivery, ...]:
        """All that is due to these chats, or of one the first LIST_LIMIT: no chat's list is cut for another's sake."""
        found = await self._outbox.due(until, LIST_LIMIT, chat_ids=chat_ids)
        if len(found) < LIST_LIMIT or len(chat_ids) == 1:
            return found
        half = len(chat_ids) // 2
        return await self._due_to(chat_ids[:half], until) + await self._due_to(chat_ids[half:], until)

    def _plan(self, now: UnixTime, next_due: UnixTime | None, *, full: bool) -> None:
        times = [time for time in (next_due, self._unrecorded.next_due_at()) if time is not None]
        next_read = min(times, default=math.inf)
        if next_read <= now and not full:
            # It is being sent, or must wait for something that will wake us.
            next_read = now + AGAIN_S
        self._next_read = min(self._next_read, next_read)

    def _busy_ids(self) -> tuple[int, ...]:
        return tuple(id_ for id_ in self._busy if id_ > 0)


def _refusal(error: StorageError | TimeoutError) -> str:
    return str(error) or f"the outbox does not answer within {READING_WITHIN_S:.0f} s"


def _list_of(delivery: Delivery) -> ListOf:
    return delivery.channel, delivery.address, delivery.status


def _belongs(delivery: Delivery, now: UnixTime) -> bool:
    """Held ones of other quiet hours, which have not ended yet, come in a list of their own."""
    held_on = delivery.status is DeliveryStatus.HELD and not delivery.attempts and delivery.due_at > now
    return next_step(delivery, now) is Step.LIST and not held_on
