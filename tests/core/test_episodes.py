"""The life of one rule on one zone, as a table of marks and what they cause, and property P15."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.engine import Engine
from liqalert.core.episodes import Decision, EpisodeState, Reason, Transition, ZoneEnded, ZoneSeenFrom
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.terms import Terms
from liqalert.core.zones import ZoneEnd
from tests.core.events import BTC, T0, mark, zone

RULE = Rule(RuleKind.NEAR, BTC, 1.0, 0.6)
A, N, T, S, H, C, IDLE = "armed", "near", "touched", "swept", "held", "cooling", "idle"


def started(terms: Terms | None = None, rule: Rule = RULE) -> Engine:
    """An engine with one zone from 100 to 101, strength 0.8, and one rule: 1 %, re-arm 1.4 %."""
    engine = Engine(terms or Terms())
    engine.set_rules([rule], T0)
    engine.restore(zones=[zone()], ended_zones=[], episodes=[], liquidations=[], now=T0, watched_until=None)
    return engine


def states(decisions: list[Decision]) -> list[str]:
    return [decision.episode.state.value for decision in decisions if isinstance(decision, Transition)]


def walk(engine: Engine, prices: list[float], every_s: float = 1.0) -> list[Decision]:
    return [
        decision for step, price in enumerate(prices) for decision in engine.mark(mark(price, T0 + 1 + step * every_s))
    ]


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ([95.0], [A]),
        ([99.5], []),
        ([95.0, 98.9], [A]),
        ([95.0, 99.1], [A, N]),
        ([95.0, 99.1, 100.0], [A, N, T]),
        ([95.0, 100.5], [A, N, T]),
        ([95.0, 99.1, 98.0], [A, N, H, C]),
        ([95.0, 99.1, 98.8, 99.1, 98.8], [A, N]),
        ([95.0, 100.5, 98.0], [A, N, T, H, C]),
        ([95.0, 100.5, 101.1], [A, N, T, S]),
        ([95.0, 99.5, 101.1], [A, N, S]),
        ([95.0, 102.0], [A, N, S]),
        ([107.0, 101.9, 100.4, 99.9], [A, N, T, S]),
        ([100.5, 102.0], []),
        ([100.5, 103.0], [A]),
        ([100.5, 103.0, 101.5, 99.0], [A, N, S]),
    ],
    ids=[
        "outside the re-arm distance it is armed",
        "a zone the price is already near stays idle",
        "just outside the distance nothing is told",
        "within the distance it is told",
        "the edge belongs to the band",
        "a mark that lands inside counts as near first",
        "turned before it touched",
        "wobbling between distance and re-arm distance is told once",
        "touched and turned",
        "through the band and out at the far edge",
        "jumped across the band after near",
        "jumped across the band at once",
        "the same from above",
        "born around the price: leaving it a little does not arm",
        "born around the price: leaving it far arms",
        "born around the price, later swept",
    ],
)
def test_marks_advance_an_episode(prices: list[float], expected: list[str]) -> None:
    assert states(walk(started(), prices)) == expected


def test_the_alert_carries_threshold_beside_observed_value() -> None:
    decisions = walk(started(), [95.0, 99.5])

    (alert,) = [decision.alert for decision in decisions if isinstance(decision, Transition) and decision.alert]
    assert alert.reason == "mark_within_distance"
    assert alert.evidence is not None
    assert alert.evidence.distance_pct == pytest.approx(0.5025, abs=1e-4)
    assert (alert.evidence.rule_distance_pct, alert.evidence.rearm_pct) == (1.0, 1.4)
    assert (alert.evidence.zone_strength, alert.evidence.min_strength) == (0.8, 0.6)
    assert (alert.evidence.mark_price, alert.evidence.mark_at) == (99.5, T0 + 2)


def test_at_exactly_the_distance_it_is_told() -> None:
    engine = Engine(Terms())
    engine.set_rules([RULE], T0)
    engine.restore(zones=[zone(101.0, 102.0)], ended_zones=[], episodes=[], liquidations=[], now=T0, watched_until=None)

    assert states(walk(engine, [95.0, 100.0])) == [A, N]


def test_cooling_is_over_when_its_time_has_passed_to_the_second() -> None:
    engine = started()
    walk(engine, [95.0, 99.1, 98.0])

    assert engine.mark(mark(95.0, T0 + 3 + 30 * 60 - 1)) == ()
    assert states(list(engine.mark(mark(95.0, T0 + 3 + 30 * 60)))) == [IDLE, A]


def test_whether_it_turned_before_touching_is_kept() -> None:
    turned = walk(started(), [95.0, 99.1, 98.0])
    touched = walk(started(), [95.0, 100.5, 98.0])

    assert [d.episode.touched for d in turned if isinstance(d, Transition)][-1] is False
    assert [d.episode.touched for d in touched if isinstance(d, Transition)][-1] is True
    assert [d.episode.outcome for d in touched if isinstance(d, Transition)][-1] is EpisodeState.HELD


def test_sweeping_ends_the_zone_for_every_rule() -> None:
    decisions = walk(started(), [95.0, 100.5, 102.0])

    assert isinstance(decisions[-1], ZoneEnded)
    assert decisions[-1].reason is ZoneEnd.SWEPT
    assert isinstance(decisions[0], ZoneSeenFrom)


def test_after_held_it_is_quiet_until_the_cooldown_is_over_and_price_has_left() -> None:
    engine = started(Terms(cooldown_s=100.0))
    walk(engine, [95.0, 99.1, 98.0])

    def at(second: float, price: float) -> list[str]:
        return states(list(engine.mark(mark(price, T0 + second))))

    assert at(50, 99.5) == []
    assert at(102, 99.5) == []
    assert at(104, 99.4) == []
    assert at(105, 98.0) == [IDLE, A]
    assert at(106, 99.5) == [N]


def test_each_cycle_of_a_zone_is_an_episode_of_its_own() -> None:
    engine = started(Terms(cooldown_s=1.0))

    decisions = walk(engine, [95.0, 99.5, 95.0, 95.0, 99.5], every_s=10.0)

    alerts = [decision.alert for decision in decisions if isinstance(decision, Transition) and decision.alert]
    assert len({alert.id for alert in alerts}) == len({alert.episode_id for alert in alerts}) == 2


def test_a_rule_that_asks_for_more_strength_stays_idle() -> None:
    assert walk(started(rule=Rule(RuleKind.NEAR, BTC, 1.0, 0.81)), [95.0, 99.5, 100.5])[1:] == []


def test_an_alert_after_blindness_says_how_long() -> None:
    engine = started()
    engine.mark(mark(95.0, T0 + 1))
    engine.lose_sight()
    engine.watch(T0 + 601, T0 + 601)

    near = next(d for d in engine.mark(mark(99.5, T0 + 601)) if isinstance(d, Transition))

    assert near.evidence.unwatched_s == 600.0


def test_an_instrument_without_marks_is_not_blindness() -> None:
    """A contract that is rarely marked, on a feed that was alive all along."""
    engine = started()
    engine.watch(T0, T0)
    engine.mark(mark(95.0, T0 + 1))

    near = next(d for d in engine.mark(mark(99.5, T0 + 601)) if isinstance(d, Transition))

    assert near.evidence.unwatched_s == 0.0


def test_the_episode_of_a_removed_rule_ends_idle_and_is_forgotten() -> None:
    engine = started()
    walk(engine, [95.0])
    (gone,) = engine.set_rules([], T0 + 5)

    assert isinstance(gone, Transition)
    assert (gone.episode.state, gone.reason) == ("idle", Reason.RULE_GONE)
    assert walk(engine, [99.5]) == []


def test_expiry_fades_what_was_armed_or_told() -> None:
    engine = started()
    walk(engine, [95.0, 99.5])

    _, decisions = engine.tick(T0 + 86_400)

    faded, ended = decisions
    assert isinstance(faded, Transition)
    assert (faded.episode.state, faded.episode.outcome, faded.reason) == ("faded", "faded", Reason.ZONE_EXPIRED)
    assert isinstance(ended, ZoneEnded)
    assert ended.reason is ZoneEnd.EXPIRED


@given(st.lists(st.floats(94.0, 107.0), min_size=2, max_size=80), st.integers(0, 80), st.floats(0.5, 60.0))
def test_p15_at_most_one_alert_between_two_visits_beyond_the_rearm_distance(
    prices: list[float], restart_at: int, every_s: float
) -> None:
    """For any path, and a restart anywhere in it from what was decided so far."""
    terms = Terms(cooldown_s=30.0)
    engine, alerts_since_left, live, episodes = started(terms), 0, {"z": zone()}, {}
    for step, price in enumerate(prices):
        if step == restart_at:
            engine = Engine(terms)
            engine.set_rules([RULE], T0)
            engine.restore(
                zones=live.values(),
                ended_zones=[],
                episodes=episodes.values(),
                liquidations=[],
                now=T0,
                watched_until=T0,
            )
        for decision in engine.mark(mark(price, T0 + step * every_s)):
            if isinstance(decision, Transition):
                episodes["z"] = decision.episode
                alerts_since_left += decision.alert is not None
            elif isinstance(decision, ZoneSeenFrom):
                live["z"] = decision.zone
            elif isinstance(decision, ZoneEnded):
                live.clear()
        assert alerts_since_left <= 1
        if (100.0 - price) / price * 100 > 1.4 or (price - 101.0) / price * 100 > 1.4:
            alerts_since_left = 0


@pytest.mark.parametrize(
    ("prices", "furthest"),
    [
        ([95.0, 99.1, 99.5, 99.2, 98.0], 99.5),
        ([95.0, 99.1, 100.2, 100.8, 100.1, 98.0], 100.8),
        ([95.0, 99.1, 102.0], 102.0),
        ([107.0, 101.9, 101.3, 101.5, 103.0], 101.3),
    ],
    ids=["turned before it", "turned inside", "swept", "from above"],
)
def test_how_far_price_went_counts_every_mark_since_the_alert(prices: list[float], furthest: float) -> None:
    """Also those between two prices at which something changes, which are not looked at one by one."""
    transitions = [one for one in walk(started(), prices) if isinstance(one, Transition)]

    assert transitions[-1].episode.furthest == furthest


def test_how_far_price_went_is_known_when_a_tick_ends_the_zone() -> None:
    engine = started(Terms(memory_s=60.0))
    walk(engine, [95.0, 99.1, 99.5, 99.2])

    _, decisions = engine.tick(T0 + 65.0)

    [faded] = [one for one in decisions if isinstance(one, Transition)]
    assert faded.episode.furthest == 99.5
