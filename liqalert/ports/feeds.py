"""Where feeds deliver what they read, and where it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from liqalert.core.market import FeedStatus, Gap, Liquidation, Mark, UnixTime


class ParsedFrame(Struct, frozen=True, gc=False):
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
    """Keeps raw frames (append-only), and what else decides.

    `kind` is `frame`, the name of a REST answer that was used, or `feed`, `tick`, `rules` or `open_interest`.
    """

    def write(self, kind: str, exchange: str, payload: bytes, received_time: UnixTime) -> None: ...


class Journal(Protocol):
    """Collects what must be kept and writes it in batches of its own. Calls return at once and never raise."""

    def liquidated(self, liquidations: Sequence[Liquidation]) -> None: ...

    def gap(self, gap: Gap) -> None: ...

    def alive(self, exchange: str, watching_since: UnixTime, now: UnixTime) -> None:
        """`exchange` is proven alive at `now`; kept so that a restart knows how long it was blind."""
        ...
