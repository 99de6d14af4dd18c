"""The answers to /alerts, /why, /rules and the like: what was decided, on what evidence, and who was told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from liqalert.core.alerts import Alert, Evidence
from liqalert.core.episodes import Episode, EpisodeState, Reason, Transition
from liqalert.core.market import UnixTime
from liqalert.core.rules import Rule
from liqalert.core.zones import Zone
from liqalert.render.answers import View
from liqalert.render.lines import composed
from liqalert.render.numbers import age, clock_time, escape, percent, price, strength, usd
from liqalert.render.text import Text

UNWATCHED_WORTH_SAYING_S = 15.0

REASONS = {
    Reason.BEYOND_REARM_DISTANCE: "the mark was beyond the re-arm distance",
    Reason.WITHIN_DISTANCE: "the mark came within the rule's distance",
    Reason.INSIDE_BAND: "the mark was inside the zone",
    Reason.BEYOND_FAR_EDGE: "the mark was beyond the far edge of the zone",
    Reason.TURNED_BACK: "the mark was back beyond the re-arm distance on the side it came from",
    Reason.ZONE_EXPIRED: "the zone's time was over",
    Reason.ZONE_OVERLAPPED: "a stronger zone covers it",
    Reason.ZONE_REWRITTEN: "the zone's cluster made a new high, so the zone was written anew",
    Reason.COOLDOWN_BEGINS: "the cooldown began",
    Reason.COOLDOWN_OVER: "the cooldown was over and the mark beyond the re-arm distance",
}


class DeliveryShown(Protocol):
    """One attempt's worth of knowledge about one address."""

    @property
    def channel(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def attempts(self) -> int: ...
    @property
    def at(self) -> UnixTime: ...
    @property
    def error(self) -> str | None: ...


class AlertShown(Protocol):
    """An alert with how it turned out and who was told."""

    @property
    def alert(self) -> Alert: ...
    @property
    def episode(self) -> Episode | None: ...
    @property
    def deliveries(self) -> Sequence[DeliveryShown]: ...
    @property
    def transitions(self) -> Sequence[Transition]: ...


class SubscriptionShown(Protocol):
    """A rule as one chat holds it."""

    @property
    def rule(self) -> Rule: ...
    @property
    def from_default(self) -> bool: ...


# ---------------------------------------------------------------- /alerts


def alerts(view: View, rows: Sequence[AlertShown], *, address: str) -> Text:
    """/alerts: the newest first, with how each turned out, and whether this chat (`address`) was told."""
    if not rows:
        return composed(["No alert has been decided for this chat yet. /rules shows what it is watched for."])
    lines = ["<b>Last alerts of this chat</b>, newest first"]
    for row in rows:
        lines += _row(view, row, address)
    return composed([*lines, "", f"More about one: <code>/why {escape(rows[0].alert.id)}</code>"])


def _row(view: View, row: AlertShown, address: str) -> Iterator[str]:
    alert = row.alert
    yield f"• {view.when(alert.decided_at)} <b>{escape(_about(alert))}</b> <code>{escape(alert.id)}</code>"
    if alert.evidence and alert.evidence.distance_pct is not None:
        yield f"  {_distance(alert.evidence.distance_pct)}, then {outcome(row.episode)}"
    elif alert.text:
        yield f"  {escape(alert.text)}"
    for delivery in row.deliveries:
        if delivery.address == address and delivery.status != "sent":
            yield f"  not delivered to this chat: {_status(delivery.status)}"


def _about(alert: Alert) -> str:
    if alert.zone is None:
        return alert.kind
    zone = alert.zone
    return f"{zone.instrument.symbol}, liquidated {zone.liquidated}s {_range(zone)}"


def outcome(episode: Episode | None) -> str:
    """How an episode turned out, or where it stands."""
    if episode is None:
        return "outcome unknown"
    nearest = "" if episode.closest_pct is None else f", nearest {percent(episode.closest_pct)}"
    match episode.outcome or episode.state:
        case EpisodeState.SWEPT:
            return "swept: the mark passed through"
        case EpisodeState.HELD if episode.touched:
            return "held: the mark turned back after touching the zone"
        case EpisodeState.HELD:
            return f"held: the mark turned back before the zone{nearest}"
        case EpisodeState.FADED:
            return f"faded: the zone ended first{nearest}"
        case EpisodeState.TOUCHED:
            return "touched: still open"
        case _:
            return f"still open{nearest}"


# ---------------------------------------------------------------- /why


def why(view: View, row: AlertShown, *, address: str, addresses_shown: bool) -> Text:
    """/why ID: the rule, thresholds beside observed values, the zone, each transition, each delivery.

    Another chat's address is shown where `addresses_shown`; the asking chat is `this chat`.
    """
    alert = row.alert
    return composed(
        [
            f"<b>Alert {escape(alert.id)}</b>: {escape(_about(alert))}",
            f"{escape(alert.kind)}, decided {view.when(alert.decided_at)}: {reason(alert.reason)}",
            *([escape(alert.text)] if alert.text else []),
            *([f"Rule: {rule(alert.rule)}"] if alert.rule else []),
            *(_evidence(view, alert.evidence) if alert.evidence else []),
            *(_zone(view, alert.zone) if alert.zone else []),
            *([f"Outcome: {outcome(row.episode)}"] if row.episode else []),
            *_transitions(view, row.transitions),
            *_delivery_lines(view, row.deliveries, address=address, addresses_shown=addresses_shown),
        ]
    )


def reason(name: str) -> str:
    """A reason in words, its name in brackets: the name is what logs, API and database say."""
    words = REASONS.get(Reason(name)) if name in set(Reason) else None
    return f"{words} ({escape(name)})" if words else escape(name)


def rule(held: Rule) -> str:
    """`BTCUSDT within 1 %, strength 0.6 or more`."""
    scope = escape(held.instrument.symbol) if held.instrument else "all instruments"
    return f"{scope} within {percent(held.distance_pct)}, strength {held.min_strength:g} or more"


def _evidence(view: View, seen: Evidence) -> Iterator[str]:
    if seen.mark_price is not None and seen.mark_at is not None:
        yield f"Mark: {price(seen.mark_price)} at {view.when(seen.mark_at)}"
    if seen.distance_pct is not None:
        yield (
            f"Distance: {_distance(seen.distance_pct)}; the rule asks for at most {percent(seen.rule_distance_pct)} "
            f"(re-arms beyond {percent(seen.rearm_pct)})"
        )
    yield (
        f"Strength: zone {strength(seen.zone_strength)}, live at that moment {strength(seen.strength_now)}; "
        f"the rule asks for at least {strength(seen.min_strength)} of the zone"
    )
    if seen.unwatched_s > UNWATCHED_WORTH_SAYING_S:
        yield f"Feed: no mark of this instrument for {age(seen.unwatched_s)} before; it happened unwatched"
    else:
        yield "Feed: watched up to the decision"


def _zone(view: View, zone: Zone) -> Iterator[str]:
    yield (
        f"Zone {escape(zone.id)}: liquidated {zone.liquidated} positions at {_range(zone)}, {zone.basis}, "
        f"{usd(zone.notional_usd)} in {zone.count:,} liquidations"
    )
    yield (
        f"  strength {strength(zone.strength, zone.baseline.calibrated)} at its peak {view.when(zone.peak_at)}, "
        f"opened {view.when(zone.opened_at)}"
    )


def _transitions(view: View, transitions: Sequence[Transition]) -> Iterator[str]:
    if transitions:
        yield "<b>What happened</b>"
    for one in transitions:
        mark = "" if one.evidence.mark_price is None else f", mark {price(one.evidence.mark_price)}"
        yield (
            f"• {clock_time(one.at, view.zone_name, view.now)} {one.previous} → {one.episode.state}: "
            f"{reason(one.reason)}{mark}"
        )


def _delivery_lines(
    view: View, deliveries: Sequence[DeliveryShown], *, address: str, addresses_shown: bool
) -> Iterator[str]:
    yield "<b>Deliveries</b>" if deliveries else "Deliveries: none"
    for one in deliveries:
        other = escape(one.address) if addresses_shown else "another chat"
        where = "this chat" if one.address == address else other
        tries = "1 attempt" if one.attempts == 1 else f"{one.attempts} attempts"
        error = f": {escape(one.error)}" if one.error else ""
        yield f"• {escape(one.channel)}, {where}: {_status(one.status)} {view.when(one.at)}, {tries}{error}"


def _status(status: str) -> str:
    return {"due": "waiting", "late": "late (not sent in time)", "dead": "given up"}.get(status, escape(status))


# ---------------------------------------------------------------- /rules, /watch, /unwatch


def rules(subscriptions: Sequence[SubscriptionShown]) -> Text:
    """/rules: what this chat is told about."""
    if not subscriptions:
        return composed(["This chat has no rule: it is told nothing. For one: <code>/watch BTC 1% 0.6</code>"])
    return composed(
        [
            "<b>This chat is told when the mark comes near a zone</b>",
            *rule_lines(subscriptions),
            "Distance is from the mark to the zone's nearest edge, strength the zone's at its peak.",
        ]
    )


def rule_lines(subscriptions: Sequence[SubscriptionShown]) -> list[str]:
    """One line per rule."""
    return [f"• {rule(one.rule)}{' (default)' if one.from_default else ''}" for one in subscriptions]


def _distance(distance_pct: float) -> str:
    return "inside or beyond the zone" if distance_pct == 0.0 else f"{percent(distance_pct)} from the zone"


def _range(zone: Zone) -> str:
    return price(zone.low) if zone.low == zone.high else f"{price(zone.low)} to {price(zone.high)}"
