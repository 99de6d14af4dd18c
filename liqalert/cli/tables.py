"""The daemon's JSON as text for a terminal. Only the fields that are printed are named here.

Whatever answers on the daemon's port may have written it: what would command a terminal is not printed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from liqalert.cli.options import CommandFailed
from liqalert.render import numbers

T = TypeVar("T")

STATES = {"idle": "grown"}
"""What an episode's state means beside an alert, where its name does not say it: new liquidations have made the zone
anew since."""


class Cluster(msgspec.Struct, frozen=True):
    symbol: str
    liquidated: str
    basis: str
    price_low: float
    price_high: float
    strength: float
    notional_usd: float
    count: int
    newest_at: str
    calibrated: bool
    distance_pct: float | None = None


class Zone(msgspec.Struct, frozen=True):
    id: str
    symbol: str
    liquidated: str
    low: float
    high: float
    strength: float
    notional_usd: float
    count: int
    peak_at: str
    state: str
    calibrated: bool = True


class Mark(msgspec.Struct, frozen=True):
    price: float
    at: str


class Feed(msgspec.Struct, frozen=True):
    exchange: str
    alive: bool
    since: str
    problem: str | None = None
    mute_since: str | None = None
    warning: str | None = None


class ClustersAnswer(msgspec.Struct, frozen=True):
    as_of: str
    clusters: tuple[Cluster, ...]
    zones: tuple[Zone, ...]
    marks: dict[str, Mark]
    feeds: tuple[Feed, ...]
    watching_since: str | None = None
    decay_minutes: float = 0.0


class Episode(msgspec.Struct, frozen=True):
    state: str
    outcome: str | None = None


class Delivery(msgspec.Struct, frozen=True):
    channel: str
    status: str
    attempts: int


class Alert(msgspec.Struct, frozen=True):
    id: str
    kind: str
    decided_at: str
    symbol: str | None = None
    liquidated: str | None = None
    episode: Episode | None = None
    deliveries: tuple[Delivery, ...] = ()
    more_deliveries: Mapping[str, int] = {}
    explained: tuple[str, ...] = ()
    """In what `why` asks for only."""


class Taken(msgspec.Struct, frozen=True):
    """What the daemon answers to a test alert."""

    id: str


class Offer(msgspec.Struct, frozen=True):
    """What the daemon answers to `liqalert pair`."""

    code: str
    link: str | None
    expires_at: str


class AlertsAnswer(msgspec.Struct, frozen=True):
    alerts: tuple[Alert, ...]


def decoded(body: bytes, shape: type[T]) -> T:
    """`body` as a `shape`. Raises CommandFailed when something other than this liqalert has answered."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise CommandFailed(f"the answer cannot be read ({exc}): is another version of liqalert running?") from exc


def clusters_text(answer: ClustersAnswer) -> str:
    """What keeps a quiet answer from being taken for a quiet market, marks, clusters nearest first, and zones."""
    lines = [f"as of {_time(answer.as_of)}", *_watching(answer)]
    lines += [line for feed in answer.feeds for line in _feed_lines(feed)]
    if not answer.feeds:
        lines.append("no feed is being watched: that nothing new is shown does not mean that nothing happens")
    lines += [f"mark {symbol} {numbers.price(mark.price)} at {_time(mark.at)}" for symbol, mark in _shown_marks(answer)]
    lines = [numbers.one_line(text) for text in lines]
    head = ("SYMBOL", "LIQUIDATED", "FROM", "TO", "AWAY", "STRENGTH", "AMOUNT", "COUNT", "NEWEST", "BASIS")
    lines += _table(head, [_cluster_row(cluster) for cluster in answer.clusters]) or ["no clusters"]
    return "\n".join([*lines, "", zones_text(answer.zones), *_legend(answer)])


def _legend(answer: ClustersAnswer) -> Iterator[str]:
    """What the columns are of, where there are any."""
    calibrated = [each.calibrated for each in answer.clusters] + [each.calibrated for each in answer.zones]
    if not calibrated:
        return
    weighted = f"time-weighted (to 37 % in {numbers.age(answer.decay_minutes * 60.0)})"
    guessed = "" if all(calibrated) else "; ?: open interest unknown"
    yield ""
    away = "AWAY is from the mark to the nearest edge, in per cent of the mark. " if answer.clusters else ""
    yield f"{away}AMOUNT is {weighted}, a zone's as of its PEAK."
    yield f"STRENGTH, 0 to 1, is how unusual this is for the instrument and position side{guessed}."


def _watching(answer: ClustersAnswer) -> Iterator[str]:
    """Nothing once the window has been watched for a whole decay constant."""
    decay_s = answer.decay_minutes * 60.0
    if answer.watching_since is None:
        if answer.feeds:
            yield "nothing has been watched yet, because no mark price has arrived"
        return
    watched_s = _seconds(answer.as_of) - _seconds(answer.watching_since)
    if watched_s < decay_s:
        lasted = f"{numbers.age(watched_s)} of {numbers.age(decay_s)}"
        yield f"watching since {_time(answer.watching_since)}, {lasted}: clusters look weaker than they are"


def _feed_lines(feed: Feed) -> Iterator[str]:
    if not feed.alive:
        why = f": {feed.problem}" if feed.problem else ""
        yield f"feed {feed.exchange} not alive since {_time(feed.since)}{why}"
    elif feed.warning is not None:
        yield feed.warning
    elif feed.mute_since is not None:
        yield f"no liquidation of any instrument on {feed.exchange} since {_time(feed.mute_since)}: it may be mute"


def zones_text(zones: Sequence[Zone]) -> str:
    """The zones that are remembered, as they were at their peaks."""
    head = ("ZONE", "LIQUIDATED", "FROM", "TO", "STATE", "STRENGTH", "AMOUNT", "COUNT", "PEAK")
    return "\n".join(_table(head, [_zone_row(zone) for zone in zones]) or ["no zones"])


def alerts_text(answer: AlertsAnswer) -> str:
    head = ("DECIDED", "KIND", "SYMBOL", "LIQUIDATED", "OUTCOME", "DELIVERED", "ID")
    return "\n".join(_table(head, [_alert_row(alert) for alert in answer.alerts]) or ["no alerts"])


def why_text(alert: Alert) -> str:
    """Everything that led to `alert` and came of it, one fact a line."""
    return "\n".join(numbers.one_line(line) for line in alert.explained)


def _shown_marks(answer: ClustersAnswer) -> list[tuple[str, Mark]]:
    shown = {cluster.symbol for cluster in answer.clusters} | {zone.symbol for zone in answer.zones}
    return [(symbol, mark) for symbol, mark in answer.marks.items() if symbol in shown]


def _cluster_row(cluster: Cluster) -> tuple[str, ...]:
    return (
        cluster.symbol,
        cluster.liquidated,
        numbers.price(cluster.price_low),
        numbers.price(cluster.price_high),
        _away(cluster.distance_pct),
        numbers.strength(cluster.strength, cluster.calibrated),
        numbers.usd(cluster.notional_usd),
        str(cluster.count),
        _time(cluster.newest_at),
        cluster.basis,
    )


def _zone_row(zone: Zone) -> tuple[str, ...]:
    return (
        zone.symbol,
        zone.liquidated,
        numbers.price(zone.low),
        numbers.price(zone.high),
        zone.state,
        numbers.strength(zone.strength, zone.calibrated),
        numbers.usd(zone.notional_usd),
        str(zone.count),
        _time(zone.peak_at),
    )


def _alert_row(alert: Alert) -> tuple[str, ...]:
    episode = alert.episode
    outcome = (episode.outcome or STATES.get(episode.state, episode.state)) if episode else "-"
    found = Counter(delivery.status for delivery in alert.deliveries) + Counter(alert.more_deliveries)
    delivered = f"{found['sent']} of {found.total()}"
    return (
        _time(alert.decided_at),
        alert.kind,
        alert.symbol or "-",
        alert.liquidated or "-",
        outcome,
        delivered,
        alert.id,
    )


def _away(distance_pct: float | None) -> str:
    return "?" if distance_pct is None else numbers.percent(distance_pct)


def _time(iso: str) -> str:
    """2026-11-23T14:05:00.250Z as `2026-11-23 14:05:00 UTC`."""
    return f"{iso[:19].replace('T', ' ')} UTC"


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with aligned columns; nothing when there are no rows."""
    cells = [[numbers.one_line(cell) for cell in row] for row in rows]
    if not cells:
        return []
    widths = [max(len(cell) for cell in column) for column in zip(head, *cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *cells]
    ]
