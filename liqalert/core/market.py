"""The vocabulary: whose position was liquidated, of which instrument, at which price, and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

# The bounds hold for what is decoded, as out of a recording that somebody else has made: nobody else looks at them.
UnixTime: TypeAlias = Annotated[float, Meta(ge=0.0, lt=4_102_444_800.0)]
"""Seconds since 1970-01-01 00:00 UTC, before the year 2100."""
Price: TypeAlias = Annotated[float, Meta(gt=0.0, le=1e12)]
"""Quote per base."""
Amount: TypeAlias = Annotated[float, Meta(gt=0.0, le=1e15)]
"""Of something, in base units or in US dollars."""


AHEAD_S = 60.0
"""An event up to this far ahead of now counts as just happened; further ahead it is refused."""


class PositionSide(StrEnum):
    """Whose position was closed by force. Never an order side: a forced SELL closes a LONG."""

    LONG = "long"
    SHORT = "short"

    # An enum's own hash is a function in Python, and sides are looked up all the time.
    __hash__ = str.__hash__


class Instrument(Struct, frozen=True, order=True, gc=False, cache_hash=True):
    """One contract on one exchange. `symbol` is the exchange's own string, in any script."""

    exchange: str
    symbol: str


class Liquidation(Struct, frozen=True, gc=False):
    """One forced closing as an exchange reported it. The meaning of each field is decided in that exchange's parse."""

    instrument: Instrument
    liquidated: PositionSide
    price: Price
    """The average fill where the exchange reports one."""
    quantity: Amount
    """Base units."""
    notional_usd: Amount
    event_time: UnixTime
    """When the exchange executed it, by its clock."""
    received_time: UnixTime


class Mark(Struct, frozen=True, gc=False):
    """The exchange's mark price of an instrument at a time."""

    instrument: Instrument
    price: Price
    event_time: UnixTime
    received_time: UnixTime


@dataclass(frozen=True, slots=True)
class OpenInterest:
    """Open positions of an instrument, in US dollars, as of `at`."""

    instrument: Instrument
    usd: Amount
    at: UnixTime


class Stream(StrEnum):
    """What of a feed a gap is in."""

    ALL = "all"
    LIQUIDATIONS = "liquidations"
    """Marks came in, but so few liquidations that the stream is taken for mute, or more than could be taken in."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which a feed, or one stream of it, was not proven alive. `end` is None while it lasts."""

    exchange: str
    start: UnixTime
    end: UnixTime | None
    cause: str
    stream: Stream = Stream.ALL


GAPS_KEPT = 20
"""Of a feed's, in its status."""


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """What is known of one exchange's feed. `alive` means proven by fresh marks, whatever the socket says."""

    exchange: str
    alive: bool
    since: UnixTime
    """Since when `alive` has held its present value."""
    mark_at: UnixTime | None = None
    """When the newest mark was received."""
    latency_s: float | None = None
    """Median of receive time minus the exchange's send time over the last 60 mark frames, or as many as there were."""
    latency_frames: int = 0
    reconnects: int = 0
    rejected: tuple[tuple[str, int], ...] = ()
    """How many events were refused, by kind, since the start."""
    gaps: tuple[Gap, ...] = ()
    """The newest gaps, oldest first, at most `GAPS_KEPT`."""
    problem: str | None = None
    """Why it is not alive, and what can be done about it, in one sentence for a person."""
    connected: int = 0
    """How many of `connections` are open: they carry the same stream."""
    connections: int = 1
    mute_since: UnixTime | None = None
    """When the last liquidation came before a silence that chance does not explain; None while there is none."""
    unseen_s: tuple[tuple[str, float], ...] = ()
    """How long gaps that have ended lasted since the start, by stream."""
    unknown: tuple[str, ...] = ()
    """Names of fields and events that its messages have and that liqalert does not know, at most 20."""
    late_s: float | None = None
    """`latency_s`, where it is so much that nothing can be taken to be of now; else None."""

    @property
    def refused(self) -> str | None:
        """Why its liquidations are refused although it is alive, with the remedy in a sentence; None while they are
        not."""
        if not self.alive or self.latency_s is None or self.latency_s >= -AHEAD_S:
            return None
        return (
            f"This machine's clock is {-self.latency_s:.0f} s behind {self.exchange.capitalize()}'s: liquidations are "
            "left out as not having happened yet. Switch on time synchronisation (timedatectl)."
        )

    @property
    def late(self) -> str | None:
        """That what comes is old although it is alive, in a sentence; None while it is of now."""
        if not self.alive or self.late_s is None:
            return None
        return (
            f"What {self.exchange.capitalize()} sends arrives {self.late_s:.0f} s late, or this machine's clock is "
            "that far ahead (timedatectl): prices are older than they look, alerts come late, and cascades not at all."
        )
