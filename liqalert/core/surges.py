"""What is told at once: a minute with unusually many liquidations (`cascade`), a single great one (`large`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from liqalert.core.alerts import Alert
from liqalert.core.baselines import Baselines, Owner
from liqalert.core.episodes import Raised
from liqalert.core.flow import QUANTILES, WINDOW_S, Flow, Flows
from liqalert.core.identity import short_id
from liqalert.core.market import Instrument, Liquidation, Mark, UnixTime
from liqalert.core.rulebook import RuleBook
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.terms import Terms

UNUSUAL_FLOW = "flow_unusual_for_this_side"
AT_LEAST = "liquidation_at_least"


class Surges:
    """Looks at ticks, so that what arrives within one is one surge. Part of the engine; touched by nothing else."""

    def __init__(self, terms: Terms, rules: RuleBook) -> None:
        self._terms = terms
        self._rules = rules
        self.baselines = Baselines("flow", QUANTILES)
        self._flows = Flows()
        self._arrived: list[Liquidation] = []
        """Not looked at yet."""
        self._marks: list[Mark | None] = []
        """Beside each of `_arrived` its instrument's newest mark as it came."""
        self._told_at: dict[tuple[str, Owner], UnixTime] = {}
        """By rule: when a cascade was last told."""

    def add(self, liquidations: Iterable[Liquidation], marks: Iterable[Mark | None]) -> None:
        """Each with its instrument's newest mark."""
        self._arrived += liquidations
        self._marks += marks

    def restore(self, liquidations: Iterable[Liquidation], told: Iterable[Alert], unseen_from: UnixTime) -> None:
        """Takes up an earlier run. What it received from `unseen_from` on it may not have looked at any more."""
        liquidations = tuple(liquidations)
        unseen = [each for each in liquidations if each.received_time >= unseen_from]
        self.add(unseen, [None] * len(unseen))
        # Older ones are in no minute that is still to come, and there may be a million.
        since = max((each.received_time for each in liquidations), default=0.0) - WINDOW_S
        recent = [each for each in liquidations if since <= each.received_time < unseen_from]
        self._flows.add(recent, [None] * len(recent))
        for alert in told:
            if alert.rule is not None and alert.flow is not None:
                key = (alert.rule.id, (alert.flow.instrument, alert.flow.liquidated))
                self._told_at[key] = max(alert.decided_at, self._told_at.get(key, alert.decided_at))

    def look(self, mark_price: Callable[[Instrument], float | None], now: UnixTime) -> Iterator[Raised]:
        """What is to be told at a tick."""
        arrived, marks = self._arrived, self._marks
        self._arrived, self._marks = [], []
        grown = self._flows.add(arrived, marks)
        large, cascade = RuleKind.LARGE, RuleKind.CASCADE
        for each in arrived:
            # Hardly any instrument has such a rule.
            if rules := self._rules.covering(large, each.instrument):
                yield from _large(rules, each, now)
        self._flows.prune(now)
        self._flows.measure()
        ruled = {number: one for number, one in grown.items() if self._rules.covering(cascade, one.instrument)}
        for flow in self._flows.great(ruled, max(self._terms.min_events, 1), self._terms.min_notional_usd):
            instrument, _ = flow.owner
            rules = self._rules.covering(cascade, instrument)
            yield from self._cascade(rules, flow, mark_price(instrument), now)

    def sample(self, owners: Iterable[Owner], now: UnixTime) -> None:
        """The greatest minute since the last sample, for each of `owners` and each side with a flow."""
        self._flows.prune(now)
        self._told_at = {told: at for told, at in self._told_at.items() if now < at + self._terms.cooldown_s}
        magnitudes = self._flows.take_greatest()
        self.baselines.sample(sorted({*owners, *magnitudes}), magnitudes, now)

    def _cascade(
        self, rules: Iterable[tuple[str, Rule]], flow: Flow, mark_price: float | None, now: UnixTime
    ) -> Iterator[Raised]:
        owner = flow.owner
        baseline = self.baselines.of(owner, now)
        strength = flow.strength(baseline)
        for rule_id, rule in rules:
            told_at = self._told_at.get((rule_id, owner))
            rested = told_at is None or now >= told_at + self._terms.cooldown_s
            if strength >= rule.min_strength and rested:
                self._told_at[rule_id, owner] = now
                alert = Alert(
                    id=short_id("alert", rule_id, *owner, now),
                    kind=RuleKind.CASCADE,
                    decided_at=now,
                    reason=UNUSUAL_FLOW,
                    rule=rule,
                    flow=self._flows.evidence(flow, rule, baseline, mark_price),
                )
                yield Raised(alert, now)


def _large(rules: Iterable[tuple[str, Rule]], liquidation: Liquidation, now: UnixTime) -> Iterator[Raised]:
    for rule_id, rule in rules:
        if liquidation.notional_usd >= rule.min_usd:
            yield Raised(_large_alert(rule_id, rule, liquidation, now), now)


def _large_alert(rule_id: str, rule: Rule, liquidation: Liquidation, now: UnixTime) -> Alert:
    """The same liquidation gives the same id, so a restart that looks again tells nothing twice."""
    of = (liquidation.instrument, liquidation.liquidated, liquidation.event_time, liquidation.price)
    return Alert(
        id=short_id("alert", rule_id, *of, liquidation.quantity),
        kind=RuleKind.LARGE,
        decided_at=now,
        reason=AT_LEAST,
        rule=rule,
        liquidation=liquidation,
    )
