"""What leaves over a channel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from liqalert.core.outcomes import Told


class Event(StrEnum):
    """What a message is, for channels that pass on values instead of words."""

    ALERT = "alert"
    OUTCOME = "outcome"
    """How alerts told before have turned out."""
    LIST = "list"
    """Several alerts in one: a digest of a storm, what came too late, what waited for quiet hours to end."""


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press under a message: `data` comes back to the bot (at most 64 bytes), or `url` is opened."""

    text: str
    data: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message in both forms: `html` in Telegram's subset, `plain` with the same content."""

    html: str
    plain: str
    silent: bool = False
    buttons: tuple[tuple[Button, ...], ...] = ()
    """In rows. Channels without buttons leave them out."""
    event: Event = Event.ALERT
    told: tuple[Told, ...] = ()
    """What the words are about."""
    part: int = 0
    """Which message it is of the several that tell this, from 0."""


class Notifier(Protocol):
    """One channel. Both raise DeliveryError."""

    async def send(self, address: str, message: Message) -> str:
        """Gives the channel's id of the message."""
        ...

    async def amend(self, address: str, message_id: str, whole: Message | None, news: Message) -> str:
        """Makes the message `message_id` say `whole`, without a sound; the id of the message that says it now.

        Where it cannot be changed (any more), or is to stay (`whole` None), `news` is sent as a silent reply to it.
        Where it no longer exists, or the channel has no such thing as changing a message, nothing is done; but a list
        that is to grow (`news` is an Event.LIST) then raises a permanent DeliveryError, and is sent anew.
        """
        ...
