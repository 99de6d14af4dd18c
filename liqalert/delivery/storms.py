"""When a chat is told of alerts one by one, and when in one digest. Pure; times are those of a clock that only runs."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

WINDOW_S = 10.0
GROWS_FOR_S = 300.0
"""A storm that goes on is worth a new message, and one message must not grow for hours."""

Destination: TypeAlias = tuple[str, str]
"""Channel and address."""


def is_open(joined_at: float, now: float) -> bool:
    """Whether a digest that was last joined then takes in more: what comes after the storm must make itself heard."""
    return now - joined_at < WINDOW_S


def is_worn_out(opened_at: float, now: float) -> bool:
    """Whether a digest that is open goes on in a new message."""
    return math.isfinite(opened_at) and now - opened_at >= GROWS_FOR_S


class Storms:
    """Decides which alerts of a chat go out alone: the first `digest_after` of any ten seconds.

    Those that still wait for their turn count too, so that a storm is one however slowly a chat can be told.
    """

    def __init__(self, digest_after: int) -> None:
        self._digest_after = digest_after
        self._chats: dict[Destination, _Lately] = {}
        self._forget_at = 0.0

    def admit(self, chat: Destination, now: float) -> bool:
        """Whether one more alert may go out alone.

        If so it counts until it is `dropped`, or ten seconds longer than until it is `told`.
        """
        lately = self._chats.setdefault(chat, _Lately(deque(maxlen=self._digest_after)))
        if lately.waiting + lately.told(now) >= self._digest_after:
            return False
        lately.waiting += 1
        return True

    def told(self, chat: Destination, now: float) -> None:
        """One that was admitted has been told."""
        if (lately := self._chats.get(chat)) is not None:
            lately.waiting = max(0, lately.waiting - 1)
            lately.told_at.append(now)
        self._forget(now)

    def dropped(self, chat: Destination) -> None:
        """One that was admitted is not told, or not now."""
        if (lately := self._chats.get(chat)) is not None:
            lately.waiting = max(0, lately.waiting - 1)

    def moved(self, old: Destination, new: Destination) -> None:
        if (lately := self._chats.pop(old, None)) is not None:
            self._chats[new] = lately

    def _forget(self, now: float) -> None:
        """With 100,000 chats, memory holds those of the last seconds."""
        if now >= self._forget_at:
            self._forget_at = now + WINDOW_S
            self._chats = {chat: each for chat, each in self._chats.items() if each.waiting or each.told(now)}


@dataclass(slots=True)
class _Lately:
    """What one chat has been told alone, and is about to be."""

    told_at: deque[float]
    waiting: int = 0

    def told(self, now: float) -> int:
        """How many within the last ten seconds."""
        return sum(1 for at in self.told_at if now - at < WINDOW_S)
