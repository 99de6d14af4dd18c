"""Watches whether the stream of liquidations is mute beside lively marks, which no socket tells."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from liqalert.board import Board
from liqalert.clock import Clock
from liqalert.core.market import FeedStatus, Gap, Instrument, Mark, UnixTime
from liqalert.feeds.silence import SLOT_S, StreamSilence
from liqalert.ports import StorageError

log = logging.getLogger(__name__)

LEARNED_S = 28 * 86_400.0
MOVED_PCT = 0.5
MOVED_SHARE = 0.1
"""Marks show movement once one instrument in ten has moved by half a per cent since the last liquidation."""


class Past(Protocol):
    """When liquidations came, and when nobody watched. Calls raise StorageError."""

    async def heard(self, exchange: str, since: UnixTime, slot_s: float) -> frozenset[int]: ...


class Ledger(Protocol):
    async def recorded_since(self, exchange: str) -> UnixTime | None: ...

    async def gaps_since(self, exchange: str, since: UnixTime) -> tuple[Gap, ...]: ...


class MuteWatch:
    """`look` is called every few seconds, and calls `alarm` with the start of the silence and a cause in words."""

    def __init__(
        self,
        exchange: str,
        board: Board,
        *,
        clock: Clock,
        past: Past,
        ledger: Ledger,
        received: Callable[[], int],
        alarm: Callable[[UnixTime, str], None],
    ) -> None:
        """`received`: how many liquidations have come since the start."""
        self._exchange = exchange
        self._board = board
        self._clock = clock
        self._past = past
        self._ledger = ledger
        self._received = received
        self._alarm = alarm
        self._silence = StreamSilence()
        self._learned = False
        self._count = 0
        self._marks: Mapping[Instrument, Mark] = {}
        """As they were when the last liquidation came."""
        self._began: UnixTime | None = None

    async def look(self) -> None:
        status = self._board.feeds.get(self._exchange)
        if status is None or not status.alive:
            return
        if not self._learned:
            self._learned = True
            await self._learn(status)
        now, count, marks = self._clock.now(), self._received(), self._board.snapshot.marks
        came, self._count = count != self._count, count
        if came or not self._marks:
            self._marks = marks
        if self._began is None:
            self._began = now
        self._silence.see(now, came=came)
        if self._silence.alarming and status.mute_since is None and lively(self._marks, marks):
            expected = math.floor(self._silence.expected)
            self._alarm(self._silence.heard_at or self._began, f"no liquidation came, though {expected} were likely")

    async def _learn(self, status: FeedStatus) -> None:
        """From what was watched before this run: the gap from then on may not be written yet."""
        now = self._clock.now()
        try:
            recorded_since = await self._ledger.recorded_since(self._exchange)
            since = max(now - LEARNED_S, now if recorded_since is None else recorded_since)
            heard = await self._past.heard(self._exchange, since, SLOT_S)
            gaps = await self._ledger.gaps_since(self._exchange, since)
        except StorageError as exc:
            log.warning("what is usual cannot be read", extra={"exchange": self._exchange, "reason": str(exc)})
            return
        watched = watched_slots(since, min(now, status.since), (*gaps, *status.gaps))
        await asyncio.to_thread(self._silence.learn, heard, tuple(watched))


def lively(before: Mapping[Instrument, Mark], now: Mapping[Instrument, Mark]) -> bool:
    """Whether prices have moved between the two."""
    known = [(before[instrument].price, mark.price) for instrument, mark in now.items() if instrument in before]
    moved = sum(abs(after / price - 1.0) * 100.0 >= MOVED_PCT for price, after in known)
    return bool(known) and moved >= MOVED_SHARE * len(known)


def watched_slots(since: UnixTime, until: UnixTime, gaps: Sequence[Gap]) -> Iterator[int]:
    """The slots between the two that no gap touches, in order."""
    slot, last = math.ceil(since / SLOT_S), math.floor(until / SLOT_S)
    for gap in sorted(gaps, key=lambda gap: gap.start):
        before = min(last, math.floor(gap.start / SLOT_S))
        yield from range(slot, before)
        slot = max(slot, math.ceil((until if gap.end is None else gap.end) / SLOT_S))
    yield from range(slot, last)
