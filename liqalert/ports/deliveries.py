"""The outbox: deliveries on disk, how each attempt ended, and what messages must be brought up to date."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from liqalert.core.alerts import Alert
from liqalert.core.episodes import EpisodeState
from liqalert.core.market import UnixTime
from liqalert.core.outcomes import Told, TrackRecord
from liqalert.ports.chats import NO_PREFERENCES, Preferences, QuietHours


class DeliveryStatus(StrEnum):
    DUE = "due"
    SENT = "sent"
    LATE = "late"
    """Not delivered within 15 minutes: listed in one message when the channel is back, never sent as an alert."""
    HELD = "held"
    """Waits for the end of the chat's quiet hours, to be told in one silent list."""
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One chat's subscription to the rule of an alert, as fan-out needs it."""

    chat_id: int
    """The row in `chats`, not the address."""
    channel: str
    """`telegram`, `console`, `webhook` or `apprise`."""
    address: str
    """What the channel needs to reach it: a Telegram chat id as text, with `/` and the topic's id where alerts go to a
    topic of a forum (`-1001234567890/45`); `console`, `webhook`; the name of an Apprise address."""
    preferences: Preferences = NO_PREFERENCES
    muted_until: UnixTime | None = None
    """Of the subscription, or of the instrument, whichever is later."""
    acknowledged: bool = False
    """The chat has asked to be spared what follows in an episode that is still open on the alert's zone."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One alert to one address over one channel."""

    id: int
    alert: Alert
    chat_id: int
    channel: str
    address: str
    silent: bool
    status: DeliveryStatus
    attempts: int
    created_at: UnixTime
    due_at: UnixTime
    """Not to be tried before this."""
    numbers: str = "1,234.5"
    """How the chat wants its numbers: `1,234.5` or `1.234,5`."""
    quiet: QuietHours | None = None
    """The chat's, in which this makes no sound; None where it has none, or this is to be heard in them too."""
    message_id: str | None = None
    """Of the message that tells it, once sent. A digest in two messages has both, with a comma between."""
    in_digest: bool = False
    recorded: bool = True
    """False for what is kept in memory only because the database refused the write."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it stands with one delivery, after an attempt or without one, ready to be stored."""

    delivery_id: int
    status: DeliveryStatus
    attempts: int
    at: UnixTime
    due_at: UnixTime
    message_id: str | None = None
    error: str | None = None
    """Without secrets."""
    attempted: bool = False
    """Whether the channel was asked; every such attempt is kept, for /why."""
    in_digest: bool = False


@dataclass(frozen=True, slots=True)
class FannedOut:
    """What a fan-out has come to that was recorded together with its alerts."""

    deliveries: tuple[Delivery, ...] = ()
    """Those it has made, in order."""
    complete: bool = False
    """None is left to be made."""
    records: Mapping[str, TrackRecord] = field(default_factory=dict)
    """Of the rules of those alerts that have an episode, by rule id."""


class Outbox(Protocol):
    """Deliveries on disk. All calls raise StorageError when the database refuses."""

    async def fan_out(self, alert: Alert, now: UnixTime) -> bool:
        """Adds the next batch (at most 500 recipients) of deliveries of `alert`; True when none is left.

        Recipients: `alert.only_chat` where set; for a `notice` the owner's chats and the console, for `watching` all
        others that are told anything; else every living chat that subscribes to `alert.rule`, is not muted, and has
        not set it to `off`.
        Idempotent by unique (alert, chat); a fan-out cut short goes on where it stopped.
        """
        ...

    async def unfinished(self, also: Collection[str] = ()) -> tuple[Alert, ...]:
        """Alerts whose fan-out is not complete, and those of the ids in `also` that are recorded, oldest first."""
        ...

    async def due(
        self, now: UnixTime, limit: int, exclude: Sequence[int] = (), *, chat_ids: Collection[int] | None = None
    ) -> tuple[Delivery, ...]:
        """Unsettled deliveries whose `due_at` has come, longest due first, without the ids in `exclude`.

        `chat_ids`: only those to these chats.
        """
        ...

    async def settle(self, outcomes: Sequence[Outcome]) -> None: ...

    async def next_due_at(self) -> UnixTime | None:
        """When the earliest unsettled delivery is to be tried; None when there is none."""
        ...

    async def messages_since(self, since: UnixTime) -> Mapping[int, int]:
        """By chat, of those that were sent any: how many messages with alerts of rules since then; a digest is one."""
        ...


@dataclass(frozen=True, slots=True)
class ToldDelivery:
    """One delivery inside a message that was sent, with what has become of its episode since."""

    delivery_id: int
    told: Told
    shown: EpisodeState | None
    """The episode's state that the message shows; None as long as it shows the alert alone."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """A message whose words are no longer true, because an episode in it has moved on."""

    chat_id: int
    channel: str
    address: str
    message_id: str
    sent_at: UnixTime
    deliveries: tuple[ToldDelivery, ...]
    """All that the message tells, by delivery id; more than one, or `in_digest`, for a digest."""
    in_digest: bool
    attempts: int
    numbers: str


@dataclass(frozen=True, slots=True)
class Amended:
    """How one attempt at an amendment ended. `again_at` None: it is done, or given up."""

    amendment: Amendment
    message_id: str
    again_at: UnixTime | None = None


class Amendments(Protocol):
    """Messages on disk that are to be brought up to date. Raises StorageError."""

    async def amendments(self, now: UnixTime, limit: int) -> tuple[Amendment, ...]:
        """Messages that show an older state than their episodes have, longest due first."""
        ...

    async def settle_amendments(self, amended: Sequence[Amended]) -> None: ...
