"""Whether a feed is proven alive, and since when it was not. Pure: it is told what happened and when."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from liqalert.core.market import GAPS_KEPT, FeedStatus, Gap, Stream, UnixTime

LATENCIES_KEPT = 60
UNKNOWN_KEPT = 20
CLOCK_AHEAD_S = 10.0
"""No line is as slow as this for long."""


@dataclass(frozen=True, slots=True)
class Outage:
    """Why a feed is not alive, in plain words, and what can be done about it."""

    cause: str
    remedy: str = "liqalert keeps trying"
    refused: bool = False
    """The exchange does not want this client (HTTP 451, 403): trying again soon is of no use."""
    retry_after_s: float = 0.0
    """How long the exchange said to wait."""

    @property
    def sentence(self) -> str:
        return f"{self.cause}: {self.remedy}."


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier runs have left."""

    watched_until: UnixTime | None = None
    """When one last knew the feed alive: from then to the first mark there is a gap."""
    gaps: Sequence[Gap] = ()
    """Oldest first."""


NO_PAST = Past()


class Liveness:
    """The state of one exchange's feed. Alive from the first mark after an outage to the next outage."""

    def __init__(self, exchange: str, started_at: UnixTime, past: Past = NO_PAST, *, late_s: float = 60.0) -> None:
        """`late_s`: from which latency on the feed is late."""
        self._exchange = exchange
        self._since = started_at
        self._started_at = started_at
        self._late_s = late_s
        self._mark_at: UnixTime | None = None
        self._alive = False
        self._problem: str | None = None
        self._open: Gap | None = None
        self._mute: Gap | None = None
        """Open while no liquidation comes beside lively marks."""
        self._ended: deque[Gap] = deque(past.gaps, maxlen=GAPS_KEPT)
        self._latencies: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._rejected: Counter[str] = Counter()
        self._reconnects = 0
        self._unknown: dict[str, None] = {}
        self._unseen_s: dict[str, float] = {}
        """By stream, in gaps that have ended."""
        if past.watched_until is not None:
            self._open = Gap(exchange, past.watched_until, None, "liqalert was not running")

    @property
    def alive(self) -> bool:
        return self._alive

    @property
    def problem(self) -> str | None:
        return self._problem

    def marked(self, now: UnixTime, sent_at: UnixTime | None) -> Gap | None:
        """Marks were received. Gives the gap that this ended, if there was one."""
        seen_from = now if sent_at is None or self._mark_at is not None else self._first_seen(now, sent_at)
        self._mark_at = now
        if sent_at is not None:
            self._latencies.append(now - sent_at)
        if not self._alive:
            self._alive, self._since, self._problem = True, seen_from, None
        return self._close_gap(seen_from)

    def lost(self, now: UnixTime, outage: Outage) -> None:
        """The feed is not proven alive any more. A gap runs from the last mark and keeps its first cause."""
        if self._alive:
            self._alive, self._since = False, now
        self._problem = outage.sentence
        if self._open is None:
            start = self._started_at if self._mark_at is None else self._mark_at
            self._open = Gap(self._exchange, start, None, outage.cause)

    def mute(self, since: UnixTime, cause: str) -> None:
        """The stream of liquidations is not proven alive any more; marks still are."""
        if self._mute is None:
            self._mute = Gap(self._exchange, since, None, cause, Stream.LIQUIDATIONS)

    def liquidated(self, now: UnixTime) -> Gap | None:
        """A liquidation was received. Gives the gap that this ended, if there was one."""
        if self._mute is None:
            return None
        gap = replace(self._mute, end=max(now, self._mute.start))
        self._end(gap)
        self._mute = None
        return gap

    def unknown(self, names: Iterable[str]) -> None:
        """Something new in the messages."""
        for name in names:
            if len(self._unknown) < UNKNOWN_KEPT:
                self._unknown[name] = None

    def rejected(self, kind: str) -> bool:
        """Counts one refused event; True when it is the first of its kind."""
        self._rejected[kind] += 1
        return self._rejected[kind] == 1

    def missed(self, gap: Gap) -> Gap:
        """A gap beside all others: the feed was alive, and liquidations were left out all the same."""
        self._end(gap)
        return gap

    def reconnected(self) -> None:
        self._reconnects += 1

    def status(self, *, connected: int = 0, connections: int = 1) -> FeedStatus:
        """All of this as a value, the running gap last."""
        running = tuple(gap for gap in (self._mute, self._open) if gap is not None)
        latency_s = median(self._latencies) if self._latencies else None
        return FeedStatus(
            exchange=self._exchange,
            alive=self._alive,
            since=self._since,
            mark_at=self._mark_at,
            latency_s=latency_s,
            latency_frames=len(self._latencies),
            reconnects=self._reconnects,
            rejected=tuple(sorted(self._rejected.items())),
            gaps=(*self._ended, *running)[-GAPS_KEPT:],
            problem=self._problem,
            mute_since=None if self._mute is None else self._mute.start,
            unknown=tuple(self._unknown),
            unseen_s=tuple(sorted(self._unseen_s.items())),
            connected=connected,
            connections=connections,
            late_s=None if latency_s is None or latency_s < self._late_s else latency_s,
        )

    def _first_seen(self, now: UnixTime, sent_at: UnixTime) -> UnixTime:
        """By the exchange's clock, where ours is far ahead of it and what an earlier run has left is not: after a boot
        it may be hours ahead until it is set right, and all that time nothing would count as watched."""
        wrong = self._open is not None and self._open.start <= sent_at < now - CLOCK_AHEAD_S
        return sent_at if wrong else now

    def _close_gap(self, now: UnixTime) -> Gap | None:
        if self._open is None:
            return None
        # The clock may have been set back meanwhile: a gap never ends before it began.
        gap = Gap(self._exchange, self._open.start, max(now, self._open.start), self._open.cause)
        self._end(gap)
        self._open = None
        return gap

    def _end(self, gap: Gap) -> None:
        self._ended.append(gap)
        lasted_s = 0.0 if gap.end is None else gap.end - gap.start
        self._unseen_s[gap.stream] = self._unseen_s.get(gap.stream, 0.0) + lasted_s
