"""Chats: who may ask, what each wants to be told, and how loudly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from liqalert.core.market import Instrument, UnixTime
from liqalert.core.rules import Rule, RuleKind, Thresholds


class Loudness(StrEnum):
    """How alerts of a kind arrive in a chat."""

    ALWAYS = "always"
    """With a sound, in quiet hours too."""
    LOUD = "loud"
    SILENT = "silent"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Minutes since local midnight, from 0 to 1439; they reach across midnight where `end` is not after `start`."""

    start: int
    end: int
    zone_name: str
    """IANA name."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a chat has chosen in /settings. None: as the daemon's settings say."""

    loudness: tuple[tuple[RuleKind, Loudness], ...] = ()
    """Of the kinds that the chat has said something about, by kind."""
    quiet: QuietHours | None = None
    distance_pct: float | None = None
    min_strength: float | None = None
    numbers: str = "1,234.5"
    """Or `1.234,5` (`render.numbers.NumberStyle`)."""

    def loudness_of(self, kind: str) -> Loudness:
        """Loud where nothing was said: that a kind is off by default is decided by the rules a chat holds."""
        return next((loudness for each, loudness in self.loudness if each == kind), Loudness.LOUD)


NO_PREFERENCES = Preferences()


@dataclass(frozen=True, slots=True)
class Standard:
    """What a chat is told that has said nothing: `kinds` of rules on `instruments`, by `thresholds`."""

    instruments: tuple[Instrument, ...]
    kinds: tuple[RuleKind, ...]
    thresholds: Thresholds

    def kinds_for(self, preferences: Preferences) -> tuple[RuleKind, ...]:
        """The kinds that are on in a chat: as it has chosen, else by default."""
        chosen = dict(preferences.loudness)
        return tuple(
            kind for kind in RuleKind if (chosen[kind] is not Loudness.OFF if kind in chosen else kind in self.kinds)
        )

    def thresholds_for(self, preferences: Preferences) -> Thresholds:
        return Thresholds(
            preferences.distance_pct or self.thresholds.distance_pct,
            preferences.min_strength or self.thresholds.min_strength,
            self.thresholds.large_usd,
        )


class Role(StrEnum):
    OWNER = "owner"
    USER = "user"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class Chat:
    """A place that is told: a Telegram chat or topic, which may ask too; the console, a webhook, an Apprise address."""

    id: int
    channel: str
    address: str
    role: Role
    dead_since: UnixTime | None = None
    """Since when the channel has said that this chat cannot be reached any more."""
    preferences: Preferences = NO_PREFERENCES
    added_at: UnixTime = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Subscription:
    rule: Rule
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

    async def chat_and_topics(self, channel: str, address: str) -> tuple[Chat, ...]:
        """The chat and its topics, those of them that are allowed, by row."""
        ...

    async def subscriptions(self, chat_id: int) -> tuple[Subscription, ...]:
        """What this chat is told about, loudness `off` left out, ordered by rule id."""
        ...

    async def subscribe(self, chat_id: int, rules: Sequence[Rule], now: UnixTime) -> None:
        """Each rule takes the place of whatever this chat held for the same kind and instrument. All in one go."""
        ...

    async def hold_defaults(self, chat_id: int, standard: Standard, now: UnixTime) -> None:
        """Brings the chat's default rules in line with `standard` and its preferences.

        What it has said something about by itself stays: a rule of its own, or that it has stopped one. Kinds that are
        on hold for the instruments of its own rules too.
        """
        ...

    async def prefer(self, chat_id: int, preferences: Preferences) -> None: ...

    async def hold_until(self, chat_id: int, until: UnixTime) -> None:
        """What is held for the end of this chat's quiet hours waits no longer than until then."""
        ...

    async def mute(self, chat_id: int, instrument: Instrument | None, until: UnixTime) -> None:
        """Nothing is told of `instrument` (None: of any) before `until`. It stays in /alerts of other chats."""
        ...

    async def unmute(self, chat_id: int, instrument: Instrument | None = None) -> bool:
        """Ends this chat's mute of `instrument` (None: every mute it has); False if there was none."""
        ...

    async def mutes(self, chat_id: int, now: UnixTime) -> tuple[Mute, ...]:
        """Those in force at `now`, that of all instruments first."""
        ...

    async def acknowledge(self, chat_id: int, alert_id: str) -> bool:
        """Spares the chat what follows in the alert's episode until that ends.

        False where it has ended, or none is, or the chat does not hold the rule any more.
        """
        ...

    async def unsubscribe(self, chat_id: int, instrument: Instrument | None, now: UnixTime) -> bool:
        """Stops this chat's rules for `instrument` (None: those for all instruments); False if it had none."""
        ...


@dataclass(frozen=True, slots=True)
class Mute:
    instrument: Instrument | None
    """None: all."""
    until: UnixTime


class Enrolment(Protocol):
    """Who may use liqalert. All calls raise StorageError when the database refuses."""

    async def chats(self) -> tuple[Chat, ...]:
        """All that may ask, dead ones included, by row."""
        ...

    async def offer(self, code: str, role: Role, *, expires_at: UnixTime, now: UnixTime) -> None:
        """Keeps a one-time code (its hash)."""
        ...

    async def redeem(self, code: str, channel: str, address: str, now: UnixTime) -> Chat | None:
        """Enrols the address with the role of `code`, which is used up; None: unknown, used or expired.

        A chat that is enrolled already gets the role, unless it would lose the last owner.
        """
        ...

    async def remove(self, chat_id: int, now: UnixTime) -> None:
        """The chat may no longer ask and is told nothing any more."""
        ...
