"""One computation for all who ask the same within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from liqalert.clock import Clock
from liqalert.core.market import UnixTime

FRESH_S = 1.0

Value = TypeVar("Value")


@dataclass(slots=True)
class _Slot(Generic[Value]):
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    made_at: UnixTime = 0.0
    value: Value | None = None
    """None until it has been made."""


class Shared(Generic[Value]):
    """Values by key, each kept for a second. While one is being made, whoever wants the same waits for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slots: dict[Hashable, _Slot[Value]] = {}

    def __len__(self) -> int:
        """How many are held."""
        return len(self._slots)

    async def get(self, key: Hashable, make: Callable[[], Awaitable[Value]]) -> Value:
        """What `make` raises is raised for its own asker only: the next one tries again."""
        self._forget_old()
        slot = self._slots.setdefault(key, _Slot())
        async with slot.lock:
            if slot.value is None or not self._fresh(slot):
                slot.value = await make()
                slot.made_at = self._clock.now()
            return slot.value

    def _fresh(self, slot: _Slot[Value]) -> bool:
        # A clock that was set back makes nothing fresh for ever.
        return 0.0 <= self._clock.now() - slot.made_at < FRESH_S

    def _forget_old(self) -> None:
        old = [key for key, slot in self._slots.items() if not slot.lock.locked() and not self._fresh(slot)]
        for key in old:
            del self._slots[key]
