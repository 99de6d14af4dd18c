"""The message of an alert: headline first, then facts in a fixed order, each number with its age and origin."""

from __future__ import annotations

import html
from collections.abc import Iterator
from urllib.parse import quote

from liqalert.core.alerts import TEST, Alert, Evidence, FlowEvidence
from liqalert.core.engine import UNWATCHED_AFTER_S
from liqalert.core.episodes import Episode, EpisodeState
from liqalert.core.market import Liquidation
from liqalert.core.outcomes import Told, TrackRecord, was_never_reached
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.zones import Zone, gap_pct
from liqalert.render.headline import SENTENCE_LIMIT, SYMBOL_LIMIT, change_words, headline, moved
from liqalert.render.numbers import NumberStyle, age, escape, one_line
from liqalert.render.scene import Scene
from liqalert.render.text import Text, bold, clip, joined, line

LATE_TO_SAY_S = 60.0
"""A message that leaves later than this after its decision, or rests on a mark that came so late, says so, because
"now" is no longer now."""
PAGE_RANGE = "24h"
ENOUGH_ENDED = 5
"""So many alerts of a rule must have ended before their outcomes are told."""


def alert_message(told: Told, scene: Scene, *, recorded: bool = True, record: TrackRecord | None = None) -> Text:
    """The message of an alert, a notice or a test; with the outcome, as far as its episode has come."""
    alert = told.alert
    lines = list(_facts(alert, scene))
    lines += _outcome_lines(alert, told.episode, scene)
    if record is not None and record.total >= ENOUGH_ENDED:
        lines.append(line(_track_record(record)))
    if not recorded:
        lines.append(line("not recorded: database unwritable"))
    return joined([*lines, _id_line(alert, scene)])


def outcome_message(told: Told, scene: Scene) -> Text:
    """The news about an alert that was told before, in one or two lines."""
    lines = list(_outcome_lines(told.alert, told.episode, scene))
    return joined([line(f"{told.alert.id} {headline(told.alert, scene.numbers)}"), *lines])


def outcome_words(alert: Alert, episode: Episode | None, scene: Scene) -> str | None:
    """How the alert turned out, in a sentence; None as long as nothing has happened since."""
    if episode is None or episode.alert_id != alert.id:
        return None
    other = was_never_reached(episode, alert.zone)
    crossed = "the range of a stronger cluster in its place" if other else "the range"
    after, far = _after(alert, episode, scene), _furthest(alert, episode, scene)
    match episode.outcome or episode.state:
        case EpisodeState.TOUCHED:
            return f"Touched: price came into {crossed}{after}{far}"
        case EpisodeState.SWEPT:
            return f"Swept: price went through {crossed} and out{after}{far}"
        case EpisodeState.HELD:
            return f"Held: price turned back to where it came from{after}{far}"
        case EpisodeState.FADED:
            return f"Faded: the range ended before price decided{after}{far}"
        case EpisodeState.IDLE:
            return f"Grown: new liquidations have made the range anew{after}; watched from the start again"
        case _:
            return None


def rule_words(rule: Rule, numbers: NumberStyle) -> str:
    """`BTCUSDT within 1 %, strength at least 0.6`."""
    scope = clip(rule.instrument.symbol, SYMBOL_LIMIT) if rule.instrument else "any symbol"
    strength = f"strength at least {numbers.plain(rule.min_strength)}"
    match rule.kind:
        case RuleKind.NEAR:
            return f"{scope} within {numbers.plain_percent(rule.distance_pct)}, {strength}"
        case RuleKind.FORMED:
            return f"{scope}, a cluster forms, {strength}"
        case RuleKind.GROWN:
            return f"{scope}, a cluster within {numbers.plain_percent(rule.distance_pct)} grows, {strength}"
        case RuleKind.CASCADE:
            return f"{scope}, cascade, {strength}"
        case RuleKind.LARGE:
            return f"{scope}, one liquidation of at least {numbers.plain_usd(rule.min_usd)}"


def _facts(alert: Alert, scene: Scene) -> Iterator[Text]:
    if alert.kind == TEST or not (alert.flow or alert.liquidation or (alert.zone and alert.evidence)):
        yield from _sentences(alert, scene)
        return
    yield bold(headline(alert, scene.numbers))
    if alert.flow is not None:
        yield from _flow_lines(alert.flow, scene)
    elif alert.liquidation is not None:
        yield from _large_lines(alert.liquidation, scene)
    elif alert.zone is not None and alert.evidence is not None:
        yield from _zone_lines(alert, alert.zone, alert.evidence, scene)
    if alert.rule is not None:
        yield line(f"Rule: {rule_words(alert.rule, scene.numbers)}")
    if alert.evidence is not None and alert.evidence.unwatched_s > UNWATCHED_AFTER_S:
        yield line(f"Happened while liqalert was not watching (down {age(alert.evidence.unwatched_s)})")
    yield from _delay_lines(alert, scene)


def _zone_lines(alert: Alert, zone: Zone, evidence: Evidence, scene: Scene) -> Iterator[Text]:
    numbers = scene.numbers
    if evidence.mark_price is not None and evidence.mark_at is not None:
        mark, late_s = numbers.price(evidence.mark_price), alert.decided_at - evidence.mark_at
        late = f", {age(late_s)} late" if late_s > LATE_TO_SAY_S else ""
        yield line(f"Mark: {mark} at {scene.clock(evidence.mark_at)}{late}")
    yield line(f"Cluster: {band(zone, numbers)}, {zone.basis}{_direction(zone, evidence, numbers)}")
    if alert.strength_before is not None:
        before, after = (numbers.strength(each, alert.calibrated) for each in (alert.strength_before, zone.strength))
        yield line(f"Grown: from {before} to {after}")
    yield line(f"Strength: {_strengths(alert, zone, evidence, scene)}")
    count = numbers.counted(zone.count, "liquidation")
    yield line(f"Liquidated by then: {numbers.usd(zone.notional_usd)} (time-weighted) in {count}")


def _flow_lines(flow: FlowEvidence, scene: Scene) -> Iterator[Text]:
    numbers = scene.numbers
    yield line(
        f"Liquidated: {numbers.usd(flow.notional_usd)} in {numbers.counted(flow.count, 'liquidation')}, "
        f"the largest {numbers.usd(flow.largest_usd)}, last at {scene.clock(flow.last_at)}"
    )
    prices = f"{numbers.price(flow.price_from)} to {numbers.price(flow.price_to)}"
    yield line(f"Price: {prices} ({moved(flow, numbers)})")
    yield line(
        f"Strength: {numbers.strength(flow.strength, flow.calibrated)}, "
        f"how unusual such a minute is for {flow.liquidated}s of {clip(flow.instrument.symbol, SYMBOL_LIMIT)}"
    )
    limit = f"{flow.instrument.exchange.capitalize()} shows at most one a second"
    if flow.saturated_s:
        yield line(
            f"At least: in {flow.saturated_s} of {flow.window_s:.0f} s each second had a liquidation, and "
            f"{limit}{_at_least(flow, numbers)}"
        )
    else:
        yield line(f"{limit}: that limit was not reached for long")


def _at_least(flow: FlowEvidence, numbers: NumberStyle) -> str:
    return "" if flow.at_least_usd is None else f": an estimate is {numbers.usd(flow.at_least_usd)} or more"


def _large_lines(one: Liquidation, scene: Scene) -> Iterator[Text]:
    numbers = scene.numbers
    yield line(f"Filled at {numbers.price(one.price)}, {scene.clock(one.event_time)}, on {one.instrument.exchange}")
    yield line(f"Amount: {numbers.usd(one.notional_usd)}, quantity {numbers.price(one.quantity)}")


def _sentences(alert: Alert, scene: Scene) -> Iterator[Text]:
    """A notice or a test."""
    if alert.kind == TEST:
        yield bold("Test alert: this is only a test, nothing has happened in the market")
    else:
        yield bold("liqalert notice")
    if alert.text:
        yield line(clip(alert.text, SENTENCE_LIMIT))
    yield line(f"At {scene.clock(alert.decided_at)}")
    yield from _delay_lines(alert, scene)


def _outcome_lines(alert: Alert, episode: Episode | None, scene: Scene) -> Iterator[Text]:
    words = outcome_words(alert, episode, scene)
    if words is not None:
        yield bold(words)


def _after(alert: Alert, episode: Episode, scene: Scene) -> str:
    """When it turned out so. Nothing of one that is idle again, of which only the end of its cooling is known."""
    if episode.outcome is not None and episode.state is EpisodeState.IDLE:
        return ""
    return f", {age(max(0.0, episode.since - alert.decided_at))} after the alert ({scene.clock(episode.since)})"


def _furthest(alert: Alert, episode: Episode, scene: Scene) -> str:
    """How far price went towards the range, into it or through it, since the alert."""
    zone, seen, price = alert.zone, alert.evidence, episode.furthest
    if zone is None or seen is None or seen.mark_price is None or price is None:
        return ""
    gap = gap_pct(zone, price)
    change = change_words((price / seen.mark_price - 1.0) * 100.0, scene.numbers)
    told = "the range told of" if episode.touched or episode.outcome is EpisodeState.SWEPT else "it"
    short = f", {scene.numbers.percent(gap)} short of {told}" if gap > 0.0 else ""
    return f"; furthest {scene.numbers.price(price)} ({change} since the alert{short})"


def _track_record(record: TrackRecord) -> str:
    ended = f"{record.held} held, {record.swept} swept, {record.faded} faded"
    return f"How this rule's last {record.total} alerts ended: {ended}"


def _delay_lines(alert: Alert, scene: Scene) -> Iterator[Text]:
    delay_s = scene.now - alert.decided_at
    if delay_s > LATE_TO_SAY_S:
        yield line(f"Decided at {scene.clock(alert.decided_at)}, sent {age(delay_s)} later")


def _id_line(alert: Alert, scene: Scene) -> Text:
    """Where there is more; every alert ends with its id."""
    command, page = f"/why {alert.id}", _page_link(alert, scene)
    return Text(f"More: {page.html}<code>{escape(command)}</code>", f"More: {page.plain}{one_line(command)}")


def _page_link(alert: Alert, scene: Scene) -> Text:
    """Nothing where the reader reaches no page, and for a name that is longer than any symbol."""
    if scene.page_url is None or alert.instrument is None or len(alert.instrument.symbol) > SYMBOL_LIMIT:
        return Text("", "")
    symbol = quote(alert.instrument.symbol, safe="", errors="replace")
    url = one_line(f"{scene.page_url}/#{symbol}/{PAGE_RANGE}")
    return Text(f'<a href="{html.escape(url)}">page</a> or ', f"{url} or ")


def _direction(zone: Zone, evidence: Evidence, numbers: NumberStyle) -> str:
    """Where the band lies, seen from the mark."""
    mark = evidence.mark_price
    if mark is None or evidence.distance_pct is None or zone.low <= mark <= zone.high:
        return ""
    return f", {numbers.percent(evidence.distance_pct)} {'above' if mark < zone.low else 'below'} the mark"


def _strengths(alert: Alert, zone: Zone, evidence: Evidence, scene: Scene) -> str:
    calibrated, numbers = zone.baseline.calibrated, scene.numbers
    then = f"{numbers.strength(zone.strength, calibrated)} at {scene.clock(zone.peak_at)}"
    ago = age(alert.decided_at - zone.peak_at)
    return f"{then} ({ago} ago), now {numbers.strength(evidence.strength_now, calibrated)}"


def band(zone: Zone, numbers: NumberStyle) -> str:
    return numbers.price_range(zone.low, zone.high)
