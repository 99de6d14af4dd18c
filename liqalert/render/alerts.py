"""The answers to /alerts and /rules: what was decided, how it turned out, and what a chat is told about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from liqalert.core.alerts import Alert
from liqalert.core.episodes import Episode, EpisodeState
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.outcomes import closest_pct, was_never_reached
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.zones import Zone
from liqalert.render.answers import View
from liqalert.render.headline import headline
from liqalert.render.lines import composed
from liqalert.render.menu import QuietShown, quiet_words
from liqalert.render.messages import band, rule_words
from liqalert.render.numbers import NumberStyle, escape
from liqalert.render.text import Text


class DeliveryShown(Protocol):
    """What is known of one address."""

    @property
    def address(self) -> str: ...
    @property
    def status(self) -> str: ...


class AlertShown(Protocol):
    """An alert with how it turned out and who was told."""

    @property
    def alert(self) -> Alert: ...
    @property
    def episode(self) -> Episode | None: ...
    @property
    def deliveries(self) -> Sequence[DeliveryShown]: ...


class SubscriptionShown(Protocol):
    """A rule as one chat holds it."""

    @property
    def rule(self) -> Rule: ...
    @property
    def from_default(self) -> bool: ...


class MuteShown(Protocol):
    """`instrument` None: all of them."""

    @property
    def instrument(self) -> Instrument | None: ...
    @property
    def until(self) -> UnixTime: ...


class PreferencesShown(Protocol):
    @property
    def quiet(self) -> QuietShown | None: ...
    def loudness_of(self, kind: str) -> str: ...


# ---------------------------------------------------------------- /alerts


def alerts(view: View, rows: Sequence[AlertShown], *, address: str) -> Text:
    """/alerts: the newest first, with how each turned out, and whether this chat (`address`) was told."""
    if not rows:
        return composed(["No alert has been decided for this chat yet. /rules shows what this chat is told about."])
    lines = ["<b>Last alerts of this chat</b>, newest first"]
    for row in rows:
        lines += _row(view, row, address)
    return composed([*lines, "", f"More about one: <code>/why {escape(rows[0].alert.id)}</code>"])


def _row(view: View, row: AlertShown, address: str) -> Iterator[str]:
    alert = row.alert
    about = escape(headline(alert, view.numbers))
    yield f"• {view.when(alert.decided_at)} <b>{about}</b> <code>{escape(alert.id)}</code>"
    if alert.zone is not None:
        ended = f", then {outcome(row.episode, alert.zone, view.numbers)}" if alert.episode_id is not None else ""
        yield f"  {escape(alert.kind)}, {band(alert.zone, view.numbers)}{ended}"
    for delivery in row.deliveries:
        if delivery.address == address and delivery.status != "sent":
            yield f"  not delivered to this chat: {status_words(delivery.status)}"


def outcome(episode: Episode | None, zone: Zone | None, numbers: NumberStyle) -> str:
    """How an episode turned out, or where it stands. `zone` as it was told of."""
    if episode is None:
        return "unknown: it was not watched to its end"
    closest = closest_pct(episode, zone)
    nearest = "" if closest is None else f", nearest {numbers.percent(closest)}"
    other = f"a stronger zone in its place{nearest}" if was_never_reached(episode, zone) else ""
    match episode.outcome or episode.state:
        case EpisodeState.SWEPT:
            return f"swept: the mark passed through {other}".rstrip()
        case EpisodeState.HELD if episode.touched:
            return f"held: the mark turned back after touching {other or 'the zone'}"
        case EpisodeState.HELD:
            return f"held: the mark turned back before the zone{nearest}"
        case EpisodeState.FADED:
            return f"faded: the zone ended first{nearest}"
        case EpisodeState.TOUCHED:
            return f"touched: still open, in {other}" if other else "touched: still open"
        case EpisodeState.IDLE if episode.alert_id:
            return "grown: the zone was written anew and is watched from the start"
        case _:
            return f"still open{nearest}"


def status_words(status: str) -> str:
    words = {
        "due": "waiting",
        "held": "held until quiet hours end",
        "late": "late (not sent in time)",
        "dead": "given up",
    }
    return words.get(status, escape(status))


# ---------------------------------------------------------------- /rules


def rules(
    view: View, subscriptions: Sequence[SubscriptionShown], mutes: Sequence[MuteShown], preferences: PreferencesShown
) -> Text:
    """/rules: what this chat is told about, how loud, and what is muted."""
    muted = mute_lines(view, mutes)
    if not subscriptions:
        return composed(["This chat has no rule: it is told nothing. For one: <code>/watch BTC 1% 0.6</code>", *muted])
    held = {one.rule.kind for one in subscriptions}
    kinds = [kind for kind in RuleKind if kind in held]
    loudness = ", ".join(f"{kind} {preferences.loudness_of(kind)}" for kind in kinds)
    quiet = [f"Quiet hours: {escape(quiet_words(preferences.quiet))}"] if preferences.quiet else []
    return composed(
        [
            "<b>This chat is told</b>",
            *rule_lines(subscriptions, view.numbers),
            f"Loudness: {escape(loudness)}",
            *quiet,
            *muted,
            "Distance is from the mark to the zone's nearest edge, strength the zone's at its peak.",
        ]
    )


def rule(held: Rule, numbers: NumberStyle) -> str:
    """`near: BTCUSDT within 1 %, strength at least 0.6`."""
    kind = "" if held.kind is RuleKind.NEAR else f"{held.kind}: "
    return f"{kind}{escape(rule_words(held, numbers))}"


def rule_lines(subscriptions: Sequence[SubscriptionShown], numbers: NumberStyle) -> list[str]:
    """One line per rule."""
    return [f"• {rule(one.rule, numbers)}{' (default)' if one.from_default else ''}" for one in subscriptions]


def mute_lines(view: View, mutes: Sequence[MuteShown]) -> list[str]:
    """One line per mute: `Muted: everything until 16:05 UTC (for 2 h)`."""
    return [f"Muted: {_scope(mute.instrument)} until {view.when_until(mute.until)}" for mute in mutes]


def _scope(instrument: Instrument | None) -> str:
    return escape(instrument.symbol) if instrument else "everything"
