"""From frames to what they mean: parsed, recorded, and passed on to the sink in the order in which they came."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from liqalert.clock import Clock, asleep_s
from liqalert.core.market import Liquidation, UnixTime
from liqalert.feeds.liveness import Liveness
from liqalert.feeds.sparing import LEFT_OUT, Spared
from liqalert.ports import FeedSink, FrameRecorder, ParsedFrame

log = logging.getLogger(__name__)

LOOKED_AT_EVERY = 256
"""In about one frame of so many, names that are not known are looked for: once in some minutes."""
LAGS_S = 10.0
"""A connection whose marks were sent so much earlier than those of another proves nothing: it is as good as silent."""
AHEAD_FOR_S = 3.0
"""Less than a silence: marks stamped ahead of time, once, are no proof that all others lag."""


class FrameParser(Protocol):
    """What has to be known about an exchange."""

    def parse(self, frame: bytes, received_time: UnixTime) -> ParsedFrame: ...

    def lone_liquidation(self, frame: bytes, received_time: UnixTime) -> Liquidation | None:
        """The liquidation that is all there is in `frame`; None where only `parse` can tell what is."""
        ...

    def can_be_spared(self, frame: bytes) -> bool:
        """Whether a glance shows no marks in it."""
        ...


@dataclass(frozen=True, slots=True)
class Feed:
    """The stream of one exchange, and how it is read."""

    exchange: str
    url: str
    parser: FrameParser
    connections: int = 1
    """So many carry the same."""
    unknown_names: Callable[[bytes], Iterable[str]] = lambda _: ()
    """The fields and events in a frame that are not known; asked about some frames only."""


@dataclass(frozen=True, slots=True)
class Timekeeping:
    """By what time is told."""

    clock: Clock
    heard: Callable[[UnixTime], None] = lambda _: None
    """Is told when each frame of marks was sent, by the exchange's clock."""
    asleep: Callable[[], float] = asleep_s
    """For how many seconds the machine has slept."""


class Intake:
    """Of one exchange, whatever the connections that bring its frames. Part of the feed runner."""

    def __init__(
        self,
        feed: Feed,
        *,
        sink: FeedSink,
        recorder: FrameRecorder | None,
        time: Timekeeping,
        liveness: Liveness,
        revived: Callable[[UnixTime], None],
    ) -> None:
        """`revived` is told when marks prove the feed alive that was not, before the sink gets them."""
        self._exchange = feed.exchange
        self._parser = feed.parser
        self._unknown_names = feed.unknown_names
        self._sink = sink
        self._recorder = recorder
        self._clock = time.clock
        self._heard = time.heard
        self._liveness = liveness
        self._revived = revived
        self._to_look_at = b""
        self._until_look = 0
        """So many frames come until the next is looked at."""
        self.spared = Spared(feed.exchange)
        self.marked_s = 0.0
        """When the last marks came, in the loop's time, which no change of the clock disturbs."""
        self._newest_sent_at: UnixTime = -math.inf
        self._newest_s = 0.0
        """When the marks came that were sent then, in the loop's time."""
        self.latency_seen: Callable[[float], None] = lambda _: None
        """Is told the latency of each frame of marks, in seconds."""

    def take(self, frames: Sequence[bytes], *, behind: bool) -> list[bytes]:
        """Takes in frames that came together; those of them whose marks prove their connection alive. `behind`: more
        comes than is taken in, so what can be is spared."""
        now = self._clock.now()
        lone_liquidation, recording = self._parser.lone_liquidation, self._recorder is not None
        marked: list[bytes] = []
        arrived: list[Liquidation] = []
        for frame in frames:
            if behind and self._parser.can_be_spared(frame):
                self._spare(now)
            elif (one := lone_liquidation(frame, now)) is not None:
                if recording:
                    self._record(frame, now)
                arrived.append(one)
            else:
                self._pass_on(arrived, now)
                if self._take(frame, now):
                    marked.append(frame)
        self._pass_on(arrived, now)
        self._until_look -= len(frames)
        if self._until_look < 0:
            self._to_look_at, self._until_look = frames[0], LOOKED_AT_EVERY
        return marked

    def look_for_names(self) -> None:
        """Looks for names that are not known in a frame that came lately. In an array of marks it takes a millisecond:
        no alert is to wait for that."""
        frame, self._to_look_at = self._to_look_at, b""
        if frame:
            self._liveness.unknown(self._unknown_names(frame))

    def reject(self, kind: str, frame: bytes = b"") -> None:
        """Counts what was refused, by kind; the first of a kind is logged."""
        if self._liveness.rejected(kind):
            sample = frame[:200].decode("utf-8", "backslashreplace")
            log.warning(
                "refused, from now on only counted", extra={"exchange": self._exchange, "kind": kind, "sample": sample}
            )

    def _spare(self, now: UnixTime) -> None:
        if self.spared.count(now):
            log.error("more comes than can be taken in, liquidations left out", extra={"exchange": self._exchange})
        self._liveness.rejected(LEFT_OUT)

    def _take(self, frame: bytes, now: UnixTime) -> bool:
        """Passes on whatever one frame holds; whether marks in it prove its connection alive.

        The recording gets it where the sink does: after the news that its marks make.
        """
        parsed = self._parser.parse(frame, now)
        if "unknown_event" in parsed.rejected:
            self._liveness.unknown(self._unknown_names(frame))
        for kind in parsed.rejected:
            self.reject(kind, frame)
        lags = parsed.sent_at is not None and self._lags(parsed.sent_at)
        if parsed.sent_at is not None and not lags:
            self._heard(parsed.sent_at)
            self.latency_seen(now - parsed.sent_at)
        proves = bool(parsed.marks) and not lags
        if proves:
            self._proven_alive(now, parsed.sent_at)
        self._record(frame, now)
        self._ingest(parsed, now)
        return proves

    def _lags(self, sent_at: UnixTime) -> bool:
        """Whether marks that were sent much later came a moment ago, over another connection."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._newest_s <= AHEAD_FOR_S and sent_at < self._newest_sent_at:
            return sent_at < self._newest_sent_at - LAGS_S
        self._newest_sent_at, self._newest_s = sent_at, now_s
        return False

    def _pass_on(self, arrived: list[Liquidation], now: UnixTime) -> None:
        """Empties `arrived`: before anything that came after."""
        if arrived:
            self._ingest(ParsedFrame(tuple(arrived)), now)
            arrived.clear()

    def _ingest(self, parsed: ParsedFrame, now: UnixTime) -> None:
        if parsed.liquidations and (gap := self._liveness.liquidated(now)) is not None:
            self._sink.gap_ended(gap)
        self._sink.ingest(parsed, now)

    def _record(self, frame: bytes, now: UnixTime) -> None:
        if self._recorder is not None:
            self._recorder.write("frame", self._exchange, frame, now)

    def _proven_alive(self, now: UnixTime, sent_at: UnixTime | None) -> None:
        """Before the marks themselves are passed on, so that what they cause is not held back."""
        was_alive = self._liveness.alive
        self.marked_s = asyncio.get_running_loop().time()
        gap = self._liveness.marked(now, sent_at)
        if gap is not None:
            self._sink.gap_ended(gap)
        if not was_alive:
            log.info("feed alive", extra={"exchange": self._exchange})
            self._revived(now)
