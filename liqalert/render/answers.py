"""The answer to /clusters: what is live, where, how big, how old, how far; and what liqalert cannot see."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from liqalert.core.clusters import Cluster
from liqalert.core.engine import Snapshot
from liqalert.core.gaps import merged
from liqalert.core.market import GAPS_KEPT, FeedStatus, Instrument, Mark, UnixTime
from liqalert.core.views import ZoneView
from liqalert.core.zones import touches
from liqalert.render.lines import composed
from liqalert.render.numbers import NumberStyle, age, clock_time, escape
from liqalert.render.text import Text

WEAKEST_SHOWN = 0.2
MOST_SHOWN = 8
MOST_NAMED = 5
GAPS_IN_DECAYS = 3.0
"""So many decay constants back, gaps are named: what was missed before would weigh less than 5 %."""
SHORTEST_SAID_S = 5.0
LATE_S = 30.0
"""A snapshot is due every few seconds; one older than this means that liqalert itself is stuck."""


@dataclass(frozen=True, slots=True)
class View:
    """What is known, at which moment it is read, and the reader's time zone (an IANA name)."""

    snapshot: Snapshot
    feeds: tuple[FeedStatus, ...]
    now: UnixTime
    zone_name: str
    numbers: NumberStyle = NumberStyle.POINT

    def ago(self, at: UnixTime) -> str:
        return f"{age(self.now - at)} ago"

    def when(self, at: UnixTime) -> str:
        """`14:05 UTC (5 h ago)`."""
        return f"{clock_time(at, self.zone_name, self.now)} ({self.ago(at)})"

    def when_until(self, at: UnixTime) -> str:
        """`16:05 UTC (for 2 h)`."""
        return f"{clock_time(at, self.zone_name, self.now)} (for {age(at - self.now)})"


def clusters_of(view: View, instrument: Instrument) -> Text:
    """/clusters SYMBOL."""
    return composed([*_freshness(view), "", *_section(view, instrument), "", *_legend(view, [instrument])])


def clusters_overview(view: View, watched: Sequence[Instrument], *, strong: float) -> Text:
    """/clusters: the watched instruments, then how many others have a cluster of strength `strong` or more."""
    lines = [*_freshness(view)]
    for instrument in watched:
        lines += ["", *_section(view, instrument)]
    others = _strongest_others(view, watched, strong)
    return composed([*lines, "", *_others(view, others, strong), "", *_legend(view, [*watched, *others])])


def _freshness(view: View) -> Iterator[str]:
    """Everything that keeps a quiet answer from being taken for a quiet market."""
    for status in view.feeds:
        if not status.alive:
            yield from _not_alive(view, status)
        elif doubt := status.refused or status.late:
            yield f"<b>{escape(doubt)}</b>"
        elif status.mute_since is not None:
            since = view.when(status.mute_since)
            yield f"<b>No liquidation of any instrument since {since}</b>: the stream may be mute."
    if not view.feeds:
        yield "<b>No feed has been proven alive yet.</b> Nothing below says that the market is quiet."
    late = "; liqalert is late" if view.now - view.snapshot.as_of > LATE_S else ""
    yield f"Realised liquidations, as of {view.ago(view.snapshot.as_of)}{late}{_watching(view)}."
    for status in view.feeds:
        yield from _gaps(view, status)


def _gaps(view: View, status: FeedStatus) -> Iterator[str]:
    """Those that have ended and whose liquidations would still weigh: the running one is said above."""
    since = view.now - GAPS_IN_DECAYS * view.snapshot.decay_s
    ended = [(gap, gap.end) for gap in status.gaps if gap.end is not None and gap.end > since]
    unseen = merged((max(gap.start, since), end) for gap, end in ended)
    unseen_s = sum(end - start for start, end in unseen)
    if unseen_s < SHORTEST_SAID_S:
        return
    newest, end = max(ended, key=lambda each: each[1])
    many = "1 gap" if len(unseen) == 1 else f"{len(unseen)} gaps, the newest"
    # Those before them may not be known any more.
    least = "at least " if len(status.gaps) == GAPS_KEPT and status.gaps[0].start > since else ""
    yield (
        f"Not seen on {escape(status.exchange)} in the last {age(GAPS_IN_DECAYS * view.snapshot.decay_s)}: "
        f"{least}{age(unseen_s)} in {many} until {view.when(end)} ({escape(newest.cause)})."
    )


def _not_alive(view: View, status: FeedStatus) -> Iterator[str]:
    yield f"<b>Feed {escape(status.exchange)} is not alive</b> since {view.when(status.since)}."
    if status.problem:
        yield escape(status.problem)
    yield "What it would have told since then is missing below: few or no clusters do not mean a quiet market."


def _watching(view: View) -> str:
    """Nothing once the window has been watched for a whole decay constant."""
    since, decay_s = view.snapshot.watching_since, view.snapshot.decay_s
    if since is None:
        return "; nothing has been watched yet, because no mark price has arrived"
    if view.now - since < decay_s:
        return f"; watching since {age(view.now - since)} of {age(decay_s)}, so clusters look weaker than they are"
    return ""


def _section(view: View, instrument: Instrument) -> Iterator[str]:
    """One instrument: its mark, its clusters nearest first, its zones without a cluster."""
    mark = view.snapshot.marks.get(instrument)
    shown = [cluster for cluster in view.snapshot.clusters(view.now, instrument) if cluster.strength >= WEAKEST_SHOWN]
    shown.sort(key=lambda cluster: (_distance_pct(cluster.price_low, cluster.price_high, mark), -cluster.strength))
    yield _headline(view, instrument, mark)
    if not shown:
        yield _nothing(view, instrument)
    for cluster in shown[:MOST_SHOWN]:
        yield from _cluster(view, cluster, mark)
    if len(shown) > MOST_SHOWN:
        weakest = view.numbers.plain(WEAKEST_SHOWN)
        yield f"and {len(shown) - MOST_SHOWN} more of strength {weakest} or more, further away."
    yield from _zones_alone(view, instrument, shown)


def _headline(view: View, instrument: Instrument, mark: Mark | None) -> str:
    symbol, exchange = escape(instrument.symbol), escape(instrument.exchange)
    if mark is None:
        return f"<b>{symbol}</b>: no mark price from {exchange} yet, so no distances"
    return f"<b>{symbol}</b>: mark {view.numbers.price(mark.price)} ({exchange}, {view.ago(mark.received_time)})"


def _nothing(view: View, instrument: Instrument) -> str:
    status = next((status for status in view.feeds if status.exchange == instrument.exchange), None)
    if status is None or not status.alive:
        return f"Nothing to show, because {escape(instrument.exchange)} is not alive; this is not a quiet market."
    return f"No cluster of strength {view.numbers.plain(WEAKEST_SHOWN)} or more."


def _cluster(view: View, cluster: Cluster, mark: Mark | None) -> Iterator[str]:
    numbers, calibrated = view.numbers, cluster.baseline.calibrated
    peak = max(_zones_on(view, cluster), key=lambda zone_view: zone_view.zone.strength, default=None)
    was = ""
    if peak is not None:
        strength = numbers.strength(peak.zone.strength, peak.zone.baseline.calibrated)
        was = f", {strength} at its peak {view.when(peak.zone.peak_at)}"
    low, high = cluster.price_low, cluster.price_high
    yield f"• <b>liquidated {cluster.liquidated}s</b> {_range(view, low, high)}: {_where(view, low, high, mark)}"
    yield f"  strength {numbers.strength(cluster.strength, calibrated)} now{was}"
    yield (
        f"  {numbers.usd(cluster.notional_usd)} in {numbers.counted(cluster.count, 'liquidation')}, {cluster.basis}, "
        f"newest {view.ago(cluster.newest_at)}"
    )


def _zones_on(view: View, cluster: Cluster) -> Iterator[ZoneView]:
    for zone_view in view.snapshot.zones.of(cluster.instrument):
        zone = zone_view.zone
        if zone.liquidated == cluster.liquidated and touches(cluster, zone):
            yield zone_view


def _zones_alone(view: View, instrument: Instrument, shown: Sequence[Cluster]) -> Iterator[str]:
    """Alerts rest on zones, which outlive their clusters: those without one are counted, and the nearest is named."""
    mark = view.snapshot.marks.get(instrument)
    taken = {zone_view.zone.id for cluster in shown for zone_view in _zones_on(view, cluster)}
    alone = [zone_view for zone_view in view.snapshot.zones.of(instrument) if zone_view.zone.id not in taken]
    if not alone:
        return
    nearest = min(alone, key=lambda zone_view: _distance_pct(zone_view.zone.low, zone_view.zone.high, mark))
    zone = nearest.zone
    many = "1 remembered zone" if len(alone) == 1 else f"{len(alone)} remembered zones"
    yield f"Also {many} whose liquidations have decayed; nearest:"
    where = _where(view, zone.low, zone.high, mark)
    yield f"• <b>liquidated {zone.liquidated}s</b> {_range(view, zone.low, zone.high)}: {where}"
    strength = view.numbers.strength(zone.strength, zone.baseline.calibrated)
    yield (
        f"  strength {strength} at its peak {view.when(zone.peak_at)}, "
        f"now {view.numbers.strength(nearest.strength_now, zone.baseline.calibrated)}"
    )


def _strongest_others(
    view: View, watched: Sequence[Instrument], strong: float
) -> Mapping[Instrument, tuple[float, bool]]:
    """The greatest strength of each that has `strong` or more, and whether it is calibrated."""
    strongest: dict[Instrument, tuple[float, bool]] = {}
    for owner, strength in view.snapshot.strengths(view.now).items():
        instrument, _ = owner
        if instrument not in watched and strength >= strong:
            found = (strength, view.snapshot.sides[owner].baseline.calibrated)
            strongest[instrument] = max(found, strongest.get(instrument, found))
    return strongest


def _others(view: View, strongest: Mapping[Instrument, tuple[float, bool]], strong: float) -> Iterator[str]:
    numbers = view.numbers
    if not strongest:
        yield f"No other instrument has a cluster of strength {numbers.plain(strong)} or more."
        return
    ranked = sorted(strongest, key=lambda instrument: (-strongest[instrument][0], instrument))
    named = ", ".join(f"{escape(one.symbol)} {numbers.strength(*strongest[one])}" for one in ranked[:MOST_NAMED])
    many = "1 other instrument has" if len(ranked) == 1 else f"{len(ranked)} other instruments have"
    more = " …" if len(ranked) > MOST_NAMED else ""
    yield f"{many} a cluster of strength {numbers.plain(strong)} or more: {named}{more}"
    yield f"Ask for one: <code>/clusters {escape(ranked[0].symbol)}</code>"


def _legend(view: View, instruments: Sequence[Instrument]) -> Iterator[str]:
    snapshot = view.snapshot
    clusters = (side.baseline for (owner, _), side in snapshot.sides.items() if owner in instruments)
    zones = (each.zone.baseline for instrument in instruments for each in snapshot.zones.of(instrument))
    guessed = any(not baseline.calibrated for baseline in chain(clusters, zones))
    yield (
        f"USD are time-weighted (to 37 % in {age(view.snapshot.decay_s)}). "
        "Strength, 0 to 1: how unusual this is for the instrument and position side"
        f"{'; ?: open interest unknown' if guessed else ''}."
    )


def _distance_pct(low: float, high: float, mark: Mark | None) -> float:
    """From the mark to the nearest edge, in per cent of the mark; 0 inside, infinite without a mark."""
    if mark is None:
        return math.inf
    return max(low - mark.price, mark.price - high, 0.0) / mark.price * 100.0


def _where(view: View, low: float, high: float, mark: Mark | None) -> str:
    if mark is None:
        return "distance unknown"
    distance_pct = _distance_pct(low, high, mark)
    if distance_pct == 0.0:
        return "the mark is inside"
    return f"{view.numbers.percent(distance_pct)} {'above' if low > mark.price else 'below'} the mark"


def _range(view: View, low: float, high: float) -> str:
    return view.numbers.price_range(low, high)
