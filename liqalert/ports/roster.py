"""What is remembered of the chats, for when the database cannot say whom an alert concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from liqalert.core.market import UnixTime
from liqalert.core.rules import Rule
from liqalert.ports.chats import Chat, Mute


@dataclass(frozen=True, slots=True)
class Held:
    """One rule of one chat."""

    rule: Rule
    stopped: bool
    """The chat has said that it wants to hear nothing of this."""
    muted_until: UnixTime | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A living chat with all that decides whether it is told."""

    chat: Chat
    held: tuple[Held, ...] = ()
    mutes: tuple[Mute, ...] = ()


class Roster(Protocol):
    async def members(self, limit: int) -> Sequence[Member]:
        """The first `limit` living chats, owners before others. Raises StorageError."""
        ...
