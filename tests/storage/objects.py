"""Small complete objects for the store tests."""

from __future__ import annotations

from liqalert.core.alerts import Alert, Evidence, FlowEvidence
from liqalert.core.episodes import Episode, EpisodeState, Reason, Transition
from liqalert.core.market import Instrument, Liquidation, PositionSide
from liqalert.core.rules import Rule, RuleKind, Thresholds
from liqalert.core.strength import Baseline
from liqalert.core.zones import Outside, Zone
from liqalert.ports import Standard
from tests.changing import replace

T0 = 1_795_000_000.125
BTC = Instrument("binance", "BTCUSDT")
ETH = Instrument("binance", "ETHUSDT")
CHINESE = Instrument("binance", "币安人生USDT")
BTC_RULE = Rule(RuleKind.NEAR, BTC, 1.0, 0.6)
ETH_RULE = Rule(RuleKind.NEAR, ETH, 1.0, 0.6)
EVIDENCE = Evidence(
    mark_price=61_000.1,
    mark_at=T0,
    distance_pct=0.1 + 0.2,
    rule_distance_pct=1.0,
    rearm_pct=1.4,
    zone_strength=0.84,
    strength_now=0.1,
    min_strength=0.6,
)


def liquidation(number: int = 0, instrument: Instrument = BTC) -> Liquidation:
    """The `number`th of a series, one second apart."""
    at = T0 + number
    return Liquidation(instrument, PositionSide.LONG, 61_234.5, 0.1 + 0.2, 18_370.35, at, at + 0.25)


def zone(zone_id: str = "z1", **changes: object) -> Zone:
    first = Zone(
        id=zone_id,
        cluster_id="c1",
        instrument=BTC,
        liquidated=PositionSide.LONG,
        low=60_000.1,
        high=60_500.2,
        strength=0.84,
        notional_usd=1_234_567.89,
        count=17,
        opened_at=T0,
        peak_at=T0 + 60,
        baseline=Baseline(ln_r=12.345678901234567, gamma=1.1, calibrated=True, version="2026-11-18"),
        outside=Outside.ABOVE,
    )
    return replace(first, **changes)


def episode(state: EpisodeState = EpisodeState.ARMED, **changes: object) -> Episode:
    return replace(Episode("e1", BTC_RULE, "z1", state, T0 + 70), **changes)


def alert(alert_id: str = "a1", **changes: object) -> Alert:
    first = Alert(
        id=alert_id,
        kind="near",
        decided_at=T0 + 80,
        reason=Reason.WITHIN_DISTANCE,
        rule=BTC_RULE,
        zone=zone(),
        episode_id="e1",
        evidence=EVIDENCE,
    )
    return replace(first, **changes)


def armed() -> Transition:
    return Transition(episode(), EpisodeState.IDLE, T0 + 70, Reason.BEYOND_REARM_DISTANCE, EVIDENCE)


def near() -> Transition:
    entered = episode(EpisodeState.NEAR, since=T0 + 80, alert_id="a1", furthest=61_000.0)
    return Transition(entered, EpisodeState.ARMED, T0 + 80, Reason.WITHIN_DISTANCE, EVIDENCE, alert())


def touched() -> Transition:
    entered = episode(EpisodeState.TOUCHED, since=T0 + 90, alert_id="a1", touched=True, furthest=60_500.0)
    return Transition(entered, EpisodeState.NEAR, T0 + 90, Reason.INSIDE_BAND, EVIDENCE)


def held() -> Transition:
    entered = episode(
        EpisodeState.HELD, since=T0 + 99, alert_id="a1", touched=True, furthest=60_500.0, outcome=EpisodeState.HELD
    )
    return Transition(entered, EpisodeState.TOUCHED, T0 + 99, Reason.TURNED_BACK, EVIDENCE)


def cooling() -> Transition:
    """By the same mark as `held`."""
    entered = replace(held().episode, state=EpisodeState.COOLING)
    return Transition(entered, EpisodeState.HELD, T0 + 99, Reason.COOLDOWN_BEGINS, EVIDENCE)


def interrupted(reason: Reason = Reason.ZONE_REWRITTEN) -> Transition:
    """After `near`: the episode ends without an outcome."""
    entered = episode(EpisodeState.IDLE, since=T0 + 90, alert_id="a1", furthest=61_000.0)
    return Transition(entered, EpisodeState.NEAR, T0 + 90, reason, EVIDENCE)


def cascade(alert_id: str = "c1", **changes: object) -> Alert:
    """Of the minute up to T0 + 60."""
    flow = FlowEvidence(
        instrument=BTC,
        liquidated=PositionSide.LONG,
        window_s=60.0,
        notional_usd=2e6,
        count=12,
        strength=0.7,
        min_strength=0.6,
        calibrated=True,
        price_from=61_000.0,
        price_to=60_400.0,
        first_at=T0 + 10,
        last_at=T0 + 60,
        largest_usd=5e5,
        saturated_s=0,
    )
    rule = Rule(RuleKind.CASCADE, BTC, 0.0, 0.6)
    return replace(Alert(alert_id, "cascade", T0 + 61, "flow_unusual_for_this_side", rule=rule, flow=flow), **changes)


def notice(alert_id: str = "n1", **changes: object) -> Alert:
    return replace(Alert(alert_id, "notice", T0 + 5, "feed_not_alive", text="The feed is down."), **changes)


def standard(*rules: Rule) -> Standard:
    """What gives exactly `rules`: all near, with the same numbers."""
    first = rules[0] if rules else BTC_RULE
    return Standard(
        instruments=tuple(rule.instrument for rule in rules if rule.instrument),
        kinds=(RuleKind.NEAR,),
        thresholds=Thresholds(first.distance_pct, first.min_strength, 1e6),
    )
