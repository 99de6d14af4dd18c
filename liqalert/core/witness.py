"""What one mark on one zone is evidence of."""

from __future__ import annotations

from liqalert.core.alerts import Evidence
from liqalert.core.approach import Seen
from liqalert.core.episodes import rearm_pct
from liqalert.core.market import Mark
from liqalert.core.rules import Rule
from liqalert.core.sides import Sides
from liqalert.core.terms import Terms
from liqalert.core.zones import Zone


class Sight(Seen, frozen=True, gc=False):
    """With what the evidence needs."""

    mark: Mark
    unwatched_s: float


class Witness:
    """What one mark on one zone is evidence of, for each rule: what is the same for all of them is found out once."""

    __slots__ = ("_given", "_sides", "_sight", "_strength_now", "_terms", "_zone")

    def __init__(self, zone: Zone, sight: Sight, sides: Sides, terms: Terms) -> None:
        self._zone = zone
        self._sight = sight
        self._sides = sides
        self._terms = terms
        self._strength_now: float | None = None
        self._given: tuple[Rule, Evidence] | None = None
        """The last: an episode that goes through several states at once asks for the same again."""

    def __call__(self, rule: Rule) -> Evidence:
        if self._given is not None and self._given[0] is rule:
            return self._given[1]
        zone, sight = self._zone, self._sight
        if self._strength_now is None:
            self._strength_now = self._sides.strength_now(zone, sight.now)
        found = Evidence(
            sight.mark.price,
            sight.mark.event_time,
            sight.where.distance_pct,
            rule.distance_pct,
            rearm_pct(rule, self._terms),
            zone.strength,
            self._strength_now,
            rule.min_strength,
            sight.unwatched_s,
        )
        self._given = (rule, found)
        return found
