"""The small protocols between the parts, and the types that cross them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from liqalert.core.alerts import Alert
from liqalert.core.episodes import Decision, Episode, Transition
from liqalert.core.market import FeedStatus, Gap, Instrument, Liquidation, Mark, UnixTime
from liqalert.core.rules import Rule
from liqalert.core.zones import Zone


@dataclass(frozen=True, slots=True)
class ParsedFrame:
    """What one frame meant. Nothing in it is guessed: what could not be understood is in `rejected`, by kind."""

    liquidations: tuple[Liquidation, ...] = ()
    marks: tuple[Mark, ...] = ()
    rejected: tuple[str, ...] = ()
    """One kind per refused event, like `malformed`, `unknown_event`, `contract_size_unknown`."""
    sent_at: UnixTime | None = None
    """The exchange's send time of a mark frame (E); receive time minus this is the latency."""


class FeedSink(Protocol):
    """Where a feed runner delivers. All three are called on the loop thread and return at once."""

    def ingest(self, frame: ParsedFrame, now: UnixTime) -> None: ...

    def feed_changed(self, status: FeedStatus, now: UnixTime) -> None: ...

    def gap_ended(self, gap: Gap) -> None:
        """A gap with both ends known. Also called for the stretch in which the daemon was not running."""
        ...


class FrameRecorder(Protocol):
    """Keeps raw frames (append-only); `kind` is `frame`, or the name of a REST answer that was used."""

    def write(self, kind: str, exchange: str, payload: bytes, received_time: UnixTime) -> None: ...


class Journal(Protocol):
    """Collects what must be kept and writes it in batches of its own. Calls return at once and never raise."""

    def liquidation(self, liquidation: Liquidation) -> None: ...

    def gap(self, gap: Gap) -> None: ...

    def alive(self, exchange: str, watching_since: UnixTime, now: UnixTime) -> None:
        """`exchange` is proven alive at `now`; kept so that a restart knows how long it was blind."""
        ...


class DecisionStore(Protocol):
    async def record(self, decisions: Sequence[Decision]) -> None:
        """All of `decisions` in one transaction, in order; writing the same decision again changes nothing.

        Raises StorageError when the database refuses.
        """
        ...

    async def record_notice(self, alert: Alert) -> None:
        """An alert without rule and zone: kind `notice` or `test`. Raises StorageError when the database refuses."""
        ...


class StorageError(Exception):
    """The database refused. The text names the operation, the database (without password) and the cause."""


class RowRefused(StorageError):
    """The database works, but refuses one of these rows: trying again will not help."""


class DeliveryStatus(StrEnum):
    DUE = "due"
    SENT = "sent"
    LATE = "late"
    """Not delivered within 15 minutes: listed in one message when the channel is back, never sent as an alert."""
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One chat's subscription to the rule of an alert, as fan-out needs it."""

    chat_id: int
    """The row in `chats`, not the address."""
    channel: str
    """`telegram` or `console`."""
    address: str
    """What the channel needs to reach it: a Telegram chat id as text; `console`."""
    loudness: str = "loud"
    """`loud`, `silent` or `off`."""
    muted_until: UnixTime | None = None


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
    recorded: bool = True
    """False for what is kept in memory only because the database refused the write."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt at one delivery ended, ready to be stored."""

    delivery_id: int
    status: DeliveryStatus
    attempts: int
    at: UnixTime
    due_at: UnixTime
    message_id: str | None = None
    error: str | None = None
    """Without secrets."""


class Outbox(Protocol):
    """Deliveries on disk. All calls raise StorageError when the database refuses."""

    async def fan_out(self, alert: Alert, now: UnixTime) -> bool:
        """Adds the next batch (at most 500 recipients) of deliveries of `alert`; True when none is left.

        Recipients: `alert.only_chat` where set; for a `notice` the owner's chats and the console; else every living
        chat that subscribes to `alert.rule`, is not muted, and has not set it to `off`.
        Idempotent by unique (alert, chat); a fan-out cut short goes on where it stopped.
        """
        ...

    async def unfinished(self) -> tuple[Alert, ...]:
        """Alerts whose fan-out is not complete, oldest first."""
        ...

    async def due(self, now: UnixTime, limit: int, exclude: Sequence[int] = ()) -> tuple[Delivery, ...]:
        """Deliveries with status due or late whose `due_at` has come, oldest first, without the ids in `exclude`."""
        ...

    async def settle(self, outcomes: Sequence[Outcome]) -> None: ...

    async def next_due_at(self) -> UnixTime | None:
        """When the earliest unsettled delivery is to be tried; None when there is none."""
        ...


class Role(StrEnum):
    OWNER = "owner"
    USER = "user"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class Chat:
    """A place that may ask and be told: a Telegram chat, or the console."""

    id: int
    channel: str
    address: str
    role: Role
    dead_since: UnixTime | None = None
    """Since when the channel has said that this chat cannot be reached any more."""


@dataclass(frozen=True, slots=True)
class Subscription:
    rule: Rule
    loudness: str
    from_default: bool
    """True for the default rules that every allowed chat holds until it says otherwise."""


class AddressBook(Protocol):
    """Where chats can be reached, as their channel reports it. Raises StorageError when the database refuses."""

    async def migrate(self, channel: str, old_address: str, new_address: str) -> None:
        """The chat has a new address (a Telegram group became a supergroup). Every reference follows."""
        ...

    async def mark_dead(self, chat_id: int, now: UnixTime) -> None: ...

    async def revive(self, chat_id: int) -> None: ...


class ChatStore(AddressBook, Protocol):
    """Chats and what they want to be told. All calls raise StorageError when the database refuses."""

    async def chat(self, channel: str, address: str) -> Chat | None:
        """The chat if it is allowed, None otherwise."""
        ...

    async def subscriptions(self, chat_id: int) -> tuple[Subscription, ...]:
        """What this chat is told about, loudness `off` left out, ordered by rule id."""
        ...

    async def subscribe(self, chat_id: int, rule: Rule, now: UnixTime) -> None:
        """`rule` takes the place of whatever this chat held for the same kind and instrument."""
        ...

    async def unsubscribe(self, chat_id: int, instrument: Instrument | None, now: UnixTime) -> bool:
        """Stops this chat's rules for `instrument` (None: those for all instruments); False if it had none."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """What /why and the API show of a delivery."""

    channel: str
    address: str
    status: DeliveryStatus
    attempts: int
    at: UnixTime
    error: str | None = None


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert with how it turned out and who was told."""

    alert: Alert
    episode: Episode | None
    deliveries: tuple[DeliveryRow, ...]
    transitions: tuple[Transition, ...] = ()
    """Filled by `why` only, oldest first."""


class AlertReader(Protocol):
    """Reads alerts from the database. Raises StorageError."""

    async def recent(self, limit: int, *, chat_id: int | None = None, kind: str | None = None) -> tuple[AlertRow, ...]:
        """Newest first; of one chat, of one kind. Without `kind`, neither `notice` nor `test`."""
        ...

    async def why(self, alert_id: str) -> AlertRow | None: ...


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restart takes up again from the database."""

    zones: tuple[Zone, ...]
    episodes: tuple[Episode, ...]
    """Of live zones, those not idle."""
    liquidations: tuple[Liquidation, ...]
    """The last 12 decay constants, by event time."""
    ended_zones: tuple[Zone, ...] = ()
    """Zones that ended within the last 12 decay constants: their clusters may still be living."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message in both forms: `html` in Telegram's subset, `plain` with the same content."""

    html: str
    plain: str
    silent: bool = False


class DeliveryError(Exception):
    """A notifier could not deliver. The attributes carry the whole retry policy; the text holds no secret.

    `permanent`: never try this message at this address again. `retry_after_s`: the service said how long to wait, for
    this address only. `moved_to`: the address has changed. `address_dead`: nothing can be sent there any more.
    `channel_dead`: the whole channel is refused (a wrong token).
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        retry_after_s: float | None = None,
        moved_to: str | None = None,
        address_dead: bool = False,
        channel_dead: bool = False,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after_s = retry_after_s
        self.moved_to = moved_to
        self.address_dead = address_dead
        self.channel_dead = channel_dead


class Notifier(Protocol):
    """One channel. `send` returns the channel's id of the message, or raises DeliveryError."""

    async def send(self, address: str, message: Message) -> str: ...
