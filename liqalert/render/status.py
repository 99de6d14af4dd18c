"""The answer to /status: is liqalert seeing, remembering and telling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from liqalert.core.market import GAPS_KEPT, FeedStatus, Stream, UnixTime
from liqalert.render.alerts import MuteShown, mute_lines
from liqalert.render.answers import View
from liqalert.render.lines import composed
from liqalert.render.numbers import age, escape
from liqalert.render.text import Text

GAPS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """What /status says beyond feeds and snapshot."""

    version: str
    started_at: UnixTime
    database: str
    """One phrase without password, like `sqlite liqalert.db, writable`."""
    outbox_waiting: int
    """Deliveries not yet sent, but for what is held until quiet hours end."""
    outbox_oldest_at: UnixTime | None = None
    """When the oldest of them was decided."""
    problems: tuple[str, ...] = ()
    """Sentences about parts that do not work."""


def status(view: View, facts: StatusFacts, mutes: Sequence[MuteShown] = ()) -> Text:
    """/status. `mutes` are those of the chat that asks: whoever wonders why it is told nothing asks here."""
    return composed(
        [
            f"<b>liqalert {escape(facts.version)}</b>, up {age(view.now - facts.started_at)}, "
            f"times in {escape(view.zone_name)}",
            *(f"<b>Problem</b>: {escape(problem)}" for problem in facts.problems),
            *_feeds(view),
            *_engine(view),
            f"Database: {escape(facts.database)}",
            _outbox(view, facts),
            *mute_lines(view, mutes),
        ]
    )


def _feeds(view: View) -> Iterator[str]:
    if not view.feeds:
        yield "Feeds: none has reported yet"
    for feed in view.feeds:
        state = "alive" if feed.alive else "<b>not alive</b>"
        yield f"Feed <b>{escape(feed.exchange)}</b>: {state} since {view.when(feed.since)}"
        if feed.problem:
            yield f"  {escape(feed.problem)}"
        connected = f"{feed.connected} of {feed.connections} connections"
        yield f"  {_marks(view, feed)}, {connected}, reconnects since start {view.numbers.whole(feed.reconnects)}"
        yield f"  rejected since start: {_rejected(view, feed)}"
        yield from _gaps(view, feed)


def _marks(view: View, feed: FeedStatus) -> str:
    mark = "no mark yet" if feed.mark_at is None else f"newest mark {view.ago(feed.mark_at)}"
    if feed.latency_s is None:
        return f"{mark}, latency unknown"
    frames = view.numbers.counted(feed.latency_frames, "frame")
    return f"{mark}, latency {view.numbers.seconds(feed.latency_s)} (median of {frames})"


def _rejected(view: View, feed: FeedStatus) -> str:
    return ", ".join(f"{escape(kind)} {view.numbers.whole(count)}" for kind, count in feed.rejected) or "none"


def _gaps(view: View, feed: FeedStatus) -> Iterator[str]:
    if not feed.gaps:
        yield "  gaps: none known"
    for gap in reversed(feed.gaps[-GAPS_SHOWN:]):
        lasted = "still open" if gap.end is None else f"lasted {age(gap.end - gap.start)}"
        stream = "" if gap.stream is Stream.ALL else f" in {gap.stream}"
        yield f"  gap{stream} from {view.when(gap.start)}, {lasted}: {escape(gap.cause)}"
    if len(feed.gaps) > GAPS_SHOWN:
        least = "at least " if len(feed.gaps) == GAPS_KEPT else ""
        yield f"  and {least}{view.numbers.counted(len(feed.gaps) - GAPS_SHOWN, 'earlier gap')}"


def _engine(view: View) -> Iterator[str]:
    snapshot, counted = view.snapshot, view.numbers.counted
    clusters = counted(sum(len(clusters) for clusters in snapshot.sides.values()), "cluster")
    instruments = counted(len({instrument for instrument, _ in snapshot.sides}), "instrument")
    since = "nothing yet" if snapshot.watching_since is None else f"since {view.when(snapshot.watching_since)}"
    marked = f"{counted(len(snapshot.marks), 'instrument')} {'has' if len(snapshot.marks) == 1 else 'have'} a mark"
    yield f"Watching {since}, {marked}"
    yield f"{clusters} of {instruments}, {counted(len(snapshot.zones), 'zone')}, as of {view.ago(snapshot.as_of)}"


def _outbox(view: View, facts: StatusFacts) -> str:
    if not facts.outbox_waiting:
        return "Outbox: empty"
    oldest = "" if facts.outbox_oldest_at is None else f", the oldest from {view.when(facts.outbox_oldest_at)}"
    return f"Outbox: {view.numbers.whole(facts.outbox_waiting)} waiting{oldest}"
