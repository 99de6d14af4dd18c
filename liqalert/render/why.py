"""The answer to /why: the rule, thresholds beside observed values, what the alert rests on, who was told and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from liqalert.core.alerts import Alert, Evidence, FlowEvidence
from liqalert.core.engine import UNWATCHED_AFTER_S
from liqalert.core.episodes import Episode, Reason, Transition
from liqalert.core.growth import PASSED, REACHED
from liqalert.core.market import Gap, Liquidation, Stream, UnixTime
from liqalert.core.outcomes import Members
from liqalert.core.surges import AT_LEAST, UNUSUAL_FLOW
from liqalert.core.zones import Zone
from liqalert.render.alerts import outcome, rule, status_words
from liqalert.render.answers import View
from liqalert.render.headline import headline, moved
from liqalert.render.lines import composed
from liqalert.render.messages import band
from liqalert.render.numbers import age, clock_time, escape
from liqalert.render.text import Text

ATTEMPTS_SHOWN = 50
DELIVERIES_SHOWN = 20

REASONS = {
    Reason.BEYOND_REARM_DISTANCE: "the mark was beyond the re-arm distance",
    Reason.WITHIN_DISTANCE: "the mark came within the rule's distance",
    Reason.INSIDE_BAND: "the mark was inside the zone",
    Reason.BEYOND_FAR_EDGE: "the mark was beyond the far edge of the zone",
    Reason.TURNED_BACK: "the mark was back beyond the re-arm distance on the side it came from",
    Reason.ZONE_EXPIRED: "the zone's time was over",
    Reason.ZONE_OVERLAPPED: "a stronger zone covers it",
    Reason.ZONE_REWRITTEN: "the zone's cluster made a new high, so the zone was written anew",
    Reason.RULE_GONE: "no chat holds the rule any more",
    Reason.COOLDOWN_BEGINS: "the cooldown began",
    Reason.COOLDOWN_OVER: "the cooldown was over and the mark beyond the re-arm distance",
    REACHED: "the zone reached the rule's strength",
    PASSED: "the zone passed a strength while an episode was open on it",
    UNUSUAL_FLOW: "so much in a minute is unusual for this instrument and side",
    AT_LEAST: "the liquidation was at least as large as the rule's amount",
}


class AttemptShown(Protocol):
    @property
    def at(self) -> UnixTime: ...
    @property
    def error(self) -> str | None: ...


class DeliveryShown(Protocol):
    """What is known of one alert and one address."""

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
    @property
    def history(self) -> Sequence[AttemptShown]: ...


class AlertExplained(Protocol):
    """An alert with everything the database knows of it."""

    @property
    def alert(self) -> Alert: ...
    @property
    def episode(self) -> Episode | None: ...
    @property
    def deliveries(self) -> Sequence[DeliveryShown]: ...
    @property
    def transitions(self) -> Sequence[Transition]: ...
    @property
    def members(self) -> Members | None: ...
    @property
    def gaps(self) -> Sequence[Gap]: ...
    @property
    def more(self) -> Mapping[str, int]:
        """How many deliveries there are beyond those listed, by status."""
        ...


def why(view: View, row: AlertExplained, *, address: str, addresses_shown: bool) -> Text:
    """/why ID. Another chat's address is shown where `addresses_shown`; the asking chat is `this chat`."""
    alert = row.alert
    about = headline(alert, view.numbers) if alert.instrument else alert.kind
    return composed(
        [
            f"<b>Alert {escape(alert.id)}</b>: {escape(about)}",
            f"{escape(alert.kind)}, decided {view.when(alert.decided_at)}: {reason(alert.reason)}",
            *([escape(alert.text)] if alert.text else []),
            *([f"Rule: {rule(alert.rule, view.numbers)}"] if alert.rule else []),
            *(_evidence(view, alert.evidence, calibrated=alert.calibrated) if alert.evidence else []),
            *(_zone(view, alert.zone) if alert.zone else []),
            *(_flow(view, alert.flow) if alert.flow else []),
            *(_members(view, row.members) if row.members else []),
            *_gaps(view, alert, row.gaps),
            *([f"Outcome: {outcome(row.episode, row.alert.zone, view.numbers)}"] if row.episode else []),
            *_transitions(view, row.transitions),
            *_delivery_lines(view, row, address=address, addresses_shown=addresses_shown),
        ]
    )


def reason(name: str) -> str:
    """A reason in words, its name in brackets: the name is what logs, API and database say."""
    words = REASONS.get(name)
    return f"{words} ({escape(name)})" if words else escape(name)


def _evidence(view: View, seen: Evidence, *, calibrated: bool) -> Iterator[str]:
    numbers = view.numbers
    if seen.mark_price is not None and seen.mark_at is not None:
        yield f"Mark: {numbers.price(seen.mark_price)} at {view.when(seen.mark_at)}"
    # Kinds that ask for no distance have 0 there.
    if seen.distance_pct is not None and seen.rule_distance_pct > 0.0:
        away = "inside or beyond the zone"
        if seen.distance_pct != 0.0:
            away = f"{numbers.percent(seen.distance_pct)} from the zone"
        asked = f"the rule asks for at most {numbers.plain_percent(seen.rule_distance_pct)}"
        yield f"Distance: {away}; {asked} (re-arms beyond {numbers.percent(seen.rearm_pct)})"
    yield (
        f"Strength: zone {numbers.strength(seen.zone_strength, calibrated)}, live at that moment "
        f"{numbers.strength(seen.strength_now, calibrated)}; "
        f"the rule asks for at least {numbers.plain(seen.min_strength)} of the zone"
    )
    if seen.unwatched_s > UNWATCHED_AFTER_S:
        yield f"Feed: no mark of this instrument for {age(seen.unwatched_s)} before; it happened unwatched"
    else:
        yield "Feed: watched up to the decision"


def _zone(view: View, zone: Zone) -> Iterator[str]:
    numbers = view.numbers
    yield f"Zone {escape(zone.id)}: liquidated {zone.liquidated} positions at {band(zone, numbers)}, {zone.basis}"
    yield (
        f"  strength {numbers.strength(zone.strength, zone.baseline.calibrated)}, "
        f"{numbers.usd(zone.notional_usd)} (time-weighted) in {numbers.counted(zone.count, 'liquidation')} at its peak "
        f"{view.when(zone.peak_at)}, opened {view.when(zone.opened_at)}"
    )


def _flow(view: View, flow: FlowEvidence) -> Iterator[str]:
    numbers = view.numbers
    yield (
        f"Flow: {numbers.usd(flow.notional_usd)} in {numbers.counted(flow.count, 'liquidation')} "
        f"in {flow.window_s:.0f} s, strength {numbers.strength(flow.strength, flow.calibrated)}; "
        f"the rule asks for at least {numbers.plain(flow.min_strength)}"
    )
    yield (
        f"  price {numbers.price(flow.price_from)} to {numbers.price(flow.price_to)} ({moved(flow, numbers)}), "
        f"{flow.saturated_s} of {flow.window_s:.0f} s saturated (a report every second, which is all that is shown)"
    )
    if flow.at_least_usd is not None:
        yield (
            f"  at least {numbers.usd(flow.at_least_usd)}, with what was left out in seconds with a report estimated; "
            "not in strength"
        )


def _members(view: View, members: Members) -> Iterator[str]:
    numbers = view.numbers
    yield (
        f"<b>What it rests on</b>: {numbers.counted(members.count, 'liquidation')} in the journal, "
        f"{numbers.usd(members.notional_usd)} unweighted, on {escape(members.first.instrument.exchange)}"
    )
    for name, one in (("first", members.first), ("last", members.last), ("largest", members.largest)):
        yield f"• {name}: {_liquidation(view, one)}"


def _liquidation(view: View, one: Liquidation) -> str:
    numbers = view.numbers
    return f"{view.when(one.event_time)}, {numbers.usd(one.notional_usd)} at {numbers.price(one.price)}"


def _gaps(view: View, alert: Alert, gaps: Sequence[Gap]) -> Iterator[str]:
    if alert.instrument is None:
        return
    if not gaps:
        yield "Gaps: none in the two hours before"
    for gap in gaps:
        lasted = "still open then" if gap.end is None else f"for {age(gap.end - gap.start)}"
        unwatched = "not watched" if gap.stream is Stream.ALL else f"no {gap.stream} seen"
        yield f"Gap: {unwatched} from {view.when(gap.start)}, {lasted}: {escape(gap.cause)}"


def _transitions(view: View, transitions: Sequence[Transition]) -> Iterator[str]:
    if transitions:
        yield "<b>What happened</b>"
    for one in transitions:
        mark = "" if one.evidence.mark_price is None else f", mark {view.numbers.price(one.evidence.mark_price)}"
        yield (
            f"• {clock_time(one.at, view.zone_name, view.now)} {one.previous} → {one.episode.state}: "
            f"{reason(one.reason)}{mark}"
        )


def _delivery_lines(view: View, row: AlertExplained, *, address: str, addresses_shown: bool) -> Iterator[str]:
    yield "<b>Deliveries</b>" if row.deliveries else "Deliveries: none"
    here_first = sorted(row.deliveries, key=lambda one: one.address != address)
    for one in here_first[:DELIVERIES_SHOWN]:
        other = escape(one.address) if addresses_shown else "another chat"
        where = "this chat" if one.address == address else other
        tries = "1 attempt" if one.attempts == 1 else f"{one.attempts} attempts"
        error = f": {escape(one.error)}" if one.error else ""
        yield f"• {escape(one.channel)}, {where}: {status_words(one.status)} {view.when(one.at)}, {tries}{error}"
        if len(one.history) > 1:
            yield from _attempts(view, one.history)
    if rest := Counter(one.status for one in here_first[DELIVERIES_SHOWN:]) + Counter(row.more):
        counted = ", ".join(f"{view.numbers.whole(count)} {status_words(status)}" for status, count in rest.items())
        yield f"• {view.numbers.counted(rest.total(), 'more chat')}: {counted}"


def _attempts(view: View, history: Sequence[AttemptShown]) -> Iterator[str]:
    if len(history) > ATTEMPTS_SHOWN:
        yield f"  {view.numbers.counted(len(history) - ATTEMPTS_SHOWN, 'earlier attempt')}"
    for attempt in history[-ATTEMPTS_SHOWN:]:
        said = escape(attempt.error) if attempt.error else "delivered"
        yield f"  {clock_time(attempt.at, view.zone_name, view.now)}: {said}"
