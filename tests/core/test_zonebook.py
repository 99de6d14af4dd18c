"""Zones beside each other, and zones that time alone ends."""

from __future__ import annotations

import pytest

from liqalert.core.engine import Engine
from liqalert.core.episodes import Transition, ZoneEnded, ZoneRewritten
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.terms import Terms
from liqalert.core.zones import ZoneEnd
from tests.core.events import BTC, T0, mark, zone
from tests.core.test_zones import burst


@pytest.mark.parametrize(("low", "high"), [("weaker", "stronger"), ("stronger", "weaker")])
def test_of_zones_that_one_cluster_covers_the_stronger_grows_and_the_other_ends(low: str, high: str) -> None:
    engine = Engine(Terms())
    strengths = {"weaker": 0.35, "stronger": 0.5}
    zones = [
        zone(1000.0, 1001.0, strength=strengths[low], name=low),
        zone(1004.0, 1005.0, strength=strengths[high], name=high),
    ]
    engine.restore(zones=zones, ended_zones=[], episodes=[], liquidations=[], now=T0, watched_until=None)

    rewritten, ended = burst(engine, 1000.0, 3e6, T0)

    assert isinstance(rewritten, ZoneRewritten)
    assert (rewritten.zone.id, rewritten.zone.low, rewritten.zone.high) == ("stronger", 1000.0, 1005.0)
    assert isinstance(ended, ZoneEnded)
    assert (ended.zone.id, ended.reason, ended.survivor_id) == ("weaker", ZoneEnd.OVERLAPPED, "stronger")


def test_a_zone_that_opened_while_there_was_none_ends_when_its_time_is_over() -> None:
    """Ticks alone end it: of this instrument no mark comes."""
    engine = Engine(Terms())
    engine.tick(T0)
    burst(engine, 1000.0, 6e5, T0 + 5)

    assert engine.tick(T0 + 86_405)[1] == ()
    (ended,) = engine.tick(T0 + 86_410)[1]

    assert isinstance(ended, ZoneEnded)
    assert ended.reason is ZoneEnd.EXPIRED


@pytest.mark.parametrize(("prices", "outcome"), [([950.0], None), ([950.0, 995.0], "faded")], ids=["armed", "told"])
def test_an_episode_of_which_nobody_was_told_has_no_outcome(prices: list[float], outcome: str | None) -> None:
    """Outcomes are counted: how often a rule has been right is what became of its alerts."""
    engine = Engine(Terms())
    engine.set_rules([Rule(RuleKind.NEAR, BTC, 1.0, 0.3)], T0)
    burst(engine, 1000.0, 6e5, T0)
    for second, price in enumerate(prices):
        engine.mark(mark(price, T0 + 6 + second))

    faded, _ = engine.tick(T0 + 86_405)[1]

    assert isinstance(faded, Transition)
    assert (faded.episode.state, faded.episode.outcome) == ("faded", outcome)
