"""What happened, where and how much, in one line: the head of an alert, and its entry in every list."""

from __future__ import annotations

from liqalert.core.alerts import Alert, Evidence, FlowEvidence
from liqalert.core.market import Instrument, Liquidation, PositionSide
from liqalert.core.rules import RuleKind
from liqalert.core.zones import Outside, Zone
from liqalert.render.numbers import NumberStyle
from liqalert.render.text import clip

SYMBOL_LIMIT, SENTENCE_LIMIT = 60, 600
# `&` becomes five characters, so a clipped sentence stays below the limit of a message whatever it holds.


def headline(alert: Alert, numbers: NumberStyle) -> str:
    """Like `BTCUSDT: 0.93 % from a cluster of liquidated longs`."""
    if alert.flow is not None:
        return _cascade(alert.flow, numbers)
    if alert.liquidation is not None:
        return _large(alert.liquidation, numbers)
    if alert.zone is None or alert.evidence is None:
        return clip(alert.text or alert.reason, SENTENCE_LIMIT)
    cluster = f"cluster of {positions(alert.zone.liquidated)}"
    match alert.kind:
        case RuleKind.FORMED:
            return f"{symbol(alert.zone.instrument)}: a {cluster} has formed"
        case RuleKind.GROWN:
            step = f" past {numbers.plain(alert.step)}" if alert.step is not None else ""
            return f"{symbol(alert.zone.instrument)}: the {cluster} has grown{step}"
        case _:
            where = whereabouts(alert.zone, alert.evidence, numbers)
            return f"{symbol(alert.zone.instrument)}: {where} a {cluster}"


def short_headline(alert: Alert, numbers: NumberStyle) -> str:
    """The same in the fewest signs: `BTCUSDT short 0.91`."""
    about = symbol(alert.instrument) if alert.instrument else alert.kind
    if alert.liquidation is not None:
        return f"{about} {alert.liquidation.liquidated} {numbers.usd(alert.liquidation.notional_usd)}"
    kind = "" if alert.kind == RuleKind.NEAR else f" {alert.kind}"
    return f"{about} {alert.liquidated or ''}{kind} {numbers.strength(alert.strength, alert.calibrated)}"


def symbol(instrument: Instrument) -> str:
    return clip(instrument.symbol, SYMBOL_LIMIT)


def positions(liquidated: PositionSide) -> str:
    return "liquidated longs" if liquidated is PositionSide.LONG else "liquidated shorts"


def whereabouts(zone: Zone, evidence: Evidence, numbers: NumberStyle) -> str:
    """`0.93 % from`, `inside`, `0.2 % beyond`."""
    mark = evidence.mark_price
    if mark is None or evidence.distance_pct is None:
        return "near"
    if zone.low <= mark <= zone.high:
        return "inside"
    beyond = zone.outside is not None and (mark > zone.high) is (zone.outside is Outside.BELOW)
    return f"{numbers.percent(evidence.distance_pct)} {'beyond' if beyond else 'from'}"


def moved(flow: FlowEvidence, numbers: NumberStyle) -> str:
    return change_words(flow.moved_pct, numbers)


def change_words(pct: float, numbers: NumberStyle) -> str:
    """`-1.2 %`, with its sign."""
    return f"{'+' if pct > 0.0 else ''}{numbers.percent(pct)}"


def _cascade(flow: FlowEvidence, numbers: NumberStyle) -> str:
    amount = f"{numbers.usd(flow.notional_usd)} of {flow.liquidated}s liquidated in {flow.window_s:.0f} s"
    return f"{symbol(flow.instrument)}: {amount}, price {moved(flow, numbers)}"


def _large(one: Liquidation, numbers: NumberStyle) -> str:
    return f"{symbol(one.instrument)}: a {one.liquidated} of {numbers.usd(one.notional_usd)} liquidated"
