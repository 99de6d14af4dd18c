"""The sorted lists give what a look at every rule on every zone with every mark gives."""

from __future__ import annotations

from functools import partial
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from liqalert.core.alerts import Evidence
from liqalert.core.engine import Engine
from liqalert.core.episodes import Episode, Observation, Transition, advance, reached
from liqalert.core.market import Mark
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.terms import Terms
from liqalert.core.zones import Position, Zone, position
from tests.core.events import BTC, T0, zone

TERMS = Terms(cooldown_s=5.0)

rules = st.lists(
    st.builds(
        Rule,
        kind=st.just(RuleKind.NEAR),
        instrument=st.sampled_from([None, BTC]),
        distance_pct=st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0, 1.4, 2.0, 80.0, 150.0]),
        min_strength=st.sampled_from([0.3, 0.5, 0.6, 0.9]),
    ),
    min_size=1,
    max_size=12,
    unique=True,
)
bands = st.lists(
    st.tuples(st.integers(95, 105), st.integers(0, 3), st.sampled_from([0.35, 0.55, 0.8])), min_size=1, max_size=5
)
# On the thresholds as well as anywhere; small steps and jumps across several zones.
marks = st.one_of(
    st.integers(90, 112).map(float),
    st.floats(90.0, 112.0),
    st.sampled_from([100.0 / 1.01, 100.0 / 1.014, 100.0 / 0.99, 100.0 / (1.0 - 0.014)]),
    st.sampled_from([40.0, 250.0, 1000.0]),
)


def zones_of(found: list[tuple[int, int, float]]) -> list[Zone]:
    return [
        replace(zone(), id=f"z{number}", low=float(low), high=float(low + width), strength=strength)
        for number, (low, width, strength) in enumerate(found)
    ]


class EveryRuleOnEveryZone:
    """The reference."""

    def __init__(self, zones: list[Zone], held: list[Rule]) -> None:
        self._zones = {each.id: each for each in zones}
        self._rules = sorted(held, key=lambda rule: rule.id)
        self._episodes: dict[tuple[str, str], Episode] = {}

    def see(self, seen: Mark) -> list[Transition]:
        return [step for each in tuple(self._zones.values()) for step in self._see(each, seen)]

    def _see(self, each: Zone, seen: Mark) -> list[Transition]:
        where = position(each, seen.price)
        swept = each.outside is not None and where.outside is not None and where.outside is not each.outside
        if each.outside is None:
            each = self._zones[each.id] = replace(each, outside=where.outside)
        found: list[Transition] = []
        for rule in self._rules:
            key = each.id, rule.id
            if rule.min_strength <= each.strength or key in self._episodes:
                evidence = partial(_evidence, each, seen, where)
                if key in self._episodes:
                    self._episodes[key] = reached(self._episodes[key], each, seen.price, seen.price)
                steps = advance(
                    self._episodes.get(key),
                    rule,
                    Observation(each, where, swept, seen.received_time, seen.price, evidence),
                    TERMS,
                )
                if steps:
                    self._episodes[key] = steps[-1].episode
                    found += steps
        if swept:
            del self._zones[each.id]
        return found


def _evidence(each: Zone, seen: Mark, where: Position, rule: Rule) -> Evidence:
    return Evidence(
        mark_price=seen.price,
        mark_at=seen.event_time,
        distance_pct=where.distance_pct,
        rule_distance_pct=rule.distance_pct,
        rearm_pct=rule.distance_pct * TERMS.rearm_ratio,
        zone_strength=each.strength,
        strength_now=0.0,
        min_strength=rule.min_strength,
    )


walks = st.lists(st.integers(-3, 3), min_size=10, max_size=40).map(
    lambda steps: [98.0 + 0.35 * total for total in accumulate(steps)]
)


seconds = st.lists(st.sampled_from([1.0, 1.0, 1.0, 1.0, 3.0, 6.0, -4.0, -30.0]), min_size=40, max_size=40)
"""From one mark to the next, by a clock that may be set back."""


@given(rules, bands, st.one_of(walks, st.lists(marks, max_size=40)), seconds)
def test_the_lists_give_what_looking_at_everything_gives(
    held: list[Rule], found: list[tuple[int, int, float]], path: list[float], passed: list[float]
) -> None:
    zones = zones_of(found)
    reference = EveryRuleOnEveryZone(zones, held)
    engine = Engine(TERMS)
    engine.set_rules(held, T0)
    engine.restore(zones=zones, ended_zones=[], episodes=[], liquidations=[], now=T0, watched_until=None)

    for number, (price, now) in enumerate(zip(path, accumulate(passed, initial=T0), strict=False)):
        seen = Mark(BTC, price, T0 + number, now)
        given_by_engine = [each for each in engine.mark(seen) if isinstance(each, Transition)]
        assert given_by_engine == reference.see(seen)


def test_a_cooldown_that_a_clock_set_back_begins_anew_is_waited_for_again() -> None:
    [band] = zones_of([(100, 1, 0.8)])
    engine = Engine(TERMS)
    engine.set_rules([Rule(RuleKind.NEAR, BTC, 1.0, 0.3)], T0)
    engine.restore(zones=[band], ended_zones=[], episodes=[], liquidations=[], now=T0, watched_until=None)
    #            armed, near, held,  cooled (close),  set back,    over again, near
    path = ((95.0, 0), (99.5, 1), (95.0, 2), (99.5, 8), (95.0, -60), (94.9, -59), (95.1, 9), (99.6, 10))

    told = []
    for number, (price, second) in enumerate(path):
        told += [
            number
            for each in engine.mark(Mark(BTC, price, T0 + number, T0 + second))
            if isinstance(each, Transition) and each.alert is not None
        ]

    assert told == [1, 7]
