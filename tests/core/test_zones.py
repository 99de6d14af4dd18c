"""From live clusters to frozen zones."""

from __future__ import annotations

import pytest

from liqalert.core.engine import Engine
from liqalert.core.episodes import (
    Decision,
    EpisodeMoved,
    Reason,
    Transition,
    ZoneEnded,
    ZoneOpened,
    ZoneRewritten,
    ZoneSeenFrom,
)
from liqalert.core.market import OpenInterest
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.terms import Terms
from liqalert.core.zones import Outside, ZoneEnd, is_old, overlapping, position, still_covers
from tests.core.events import BTC, T0, cluster, liquidation, mark, zone


def burst(engine: Engine, price: float, usd: float, at: float, *, count: int = 6) -> tuple[Decision, ...]:
    """`count` equal liquidations, prices one apart, then a tick."""
    for step in range(count):
        engine.add(liquidation(price + step, usd / count, at + step / 10), at + 1)
    return engine.tick(at + 5)[1]


def test_a_strong_cluster_opens_a_zone_with_its_band() -> None:
    (opened,) = burst(Engine(Terms()), 1000.0, 6e5, T0)

    assert isinstance(opened, ZoneOpened)
    assert (opened.zone.low, opened.zone.high) == (1000.0, 1005.0)
    assert opened.zone.count == 6
    assert opened.zone.notional_usd == pytest.approx(6e5, rel=0.01)
    assert opened.zone.strength > 0.3


@pytest.mark.parametrize(("usd", "count"), [(6e5, 4), (9e4, 6)], ids=["too few liquidations", "too little money"])
def test_a_cluster_that_is_too_small_opens_none(usd: float, count: int) -> None:
    assert burst(Engine(Terms()), 1000.0, usd, T0, count=count) == ()


def test_a_weak_cluster_opens_none() -> None:
    engine = Engine(Terms())
    engine.learn(OpenInterest(BTC, 2e10, T0), T0)

    assert burst(engine, 1000.0, 6e5, T0) == ()


def test_a_new_high_rewrites_the_zone_and_decay_does_not() -> None:
    engine = Engine(Terms())
    (opened,) = burst(engine, 1000.0, 6e5, T0)
    quiet = engine.tick(T0 + 600)[1]
    weaker = burst(engine, 1000.0, 1e3, T0 + 1200)
    (rewritten,) = burst(engine, 1000.0, 9e5, T0 + 1800)

    assert quiet == weaker == ()
    assert isinstance(opened, ZoneOpened)
    assert isinstance(rewritten, ZoneRewritten)
    assert rewritten.zone.id == opened.zone.id
    assert rewritten.zone.strength > opened.zone.strength
    assert rewritten.zone.peak_at == T0 + 1805


def test_a_rewritten_zone_falls_back_to_idle() -> None:
    engine = Engine(Terms())
    engine.set_rules([Rule(RuleKind.NEAR, BTC, 1.0, 0.3)], T0)
    burst(engine, 1000.0, 6e5, T0)
    engine.mark(mark(950.0, T0 + 6))

    rewritten, fallen = burst(engine, 1000.0, 9e5, T0 + 10)

    assert isinstance(rewritten, ZoneRewritten)
    assert isinstance(fallen, Transition)
    assert (fallen.previous, fallen.episode.state, fallen.reason) == ("armed", "idle", Reason.ZONE_REWRITTEN)


def test_a_far_burst_opens_a_zone_of_its_own() -> None:
    engine = Engine(Terms())
    burst(engine, 1000.0, 6e5, T0)

    (second,) = burst(engine, 1100.0, 6e5, T0 + 10)

    assert isinstance(second, ZoneOpened)
    assert len(engine.snapshot(T0 + 15).zones) == 2


def test_a_swept_zone_does_not_reopen_while_its_cluster_only_decays() -> None:
    engine = Engine(Terms())
    burst(engine, 1000.0, 6e5, T0)
    engine.mark(mark(990.0, T0 + 6))
    (ended,) = engine.mark(mark(1010.0, T0 + 7))

    assert isinstance(ended, ZoneEnded)
    assert burst(engine, 1000.0, 1e3, T0 + 1200) == ()
    (reopened,) = burst(engine, 1000.0, 9e5, T0 + 1210)
    assert isinstance(reopened, ZoneOpened)


def test_of_two_overlapping_zones_the_weaker_ends_and_passes_on_its_episode() -> None:
    engine = Engine(Terms())
    engine.set_rules([Rule(RuleKind.NEAR, BTC, 1.0, 0.3)], T0)
    engine.restore(
        zones=[zone(985.0, 1015.0, strength=0.31)],
        ended_zones=[],
        episodes=[],
        liquidations=[],
        now=T0,
        watched_until=None,
    )
    engine.mark(mark(950.0, T0 + 1))
    engine.mark(mark(976.0, T0 + 2))

    opened, seen, moved, ended = burst(engine, 1000.0, 2e6, T0 + 5)

    assert isinstance(opened, ZoneOpened)
    assert isinstance(seen, ZoneSeenFrom)
    assert seen.zone.outside is Outside.BELOW
    assert isinstance(moved, EpisodeMoved)
    assert (moved.episode.state, moved.episode.zone_id) == ("near", opened.zone.id)
    assert isinstance(ended, ZoneEnded)
    assert (ended.reason, ended.survivor_id) == (ZoneEnd.OVERLAPPED, opened.zone.id)


def test_how_far_price_went_is_a_mark_that_was_seen_whatever_zone_the_episode_is_on() -> None:
    engine = Engine(Terms())
    engine.set_rules([Rule(RuleKind.NEAR, BTC, 1.0, 0.3)], T0)
    weaker = zone(985.0, 1015.0, strength=0.31)
    engine.restore(zones=[weaker], ended_zones=[], episodes=[], liquidations=[], now=T0, watched_until=None)
    for second, price in enumerate((950.0, 976.0, 978.0, 977.0)):
        engine.mark(mark(price, T0 + second))

    moved = burst(engine, 1000.0, 2e6, T0 + 5)[2]
    held = engine.mark(mark(970.0, T0 + 20))[0]

    assert isinstance(moved, EpisodeMoved)
    assert isinstance(held, Transition)
    assert [moved.episode.furthest, held.episode.furthest] == [978.0, 978.0]
    assert held.episode.state == "held"


def test_a_cluster_under_a_stronger_zone_opens_none() -> None:
    engine = Engine(Terms())
    engine.restore(
        zones=[zone(999.0, 1006.0, strength=0.99)],
        ended_zones=[],
        episodes=[],
        liquidations=[],
        now=T0,
        watched_until=None,
    )

    assert burst(engine, 1000.0, 6e5, T0) == ()


def test_p13_the_refresh_at_midnight_does_not_touch_an_open_zone() -> None:
    engine = Engine(Terms())
    (opened,) = burst(engine, 1000.0, 6e5, T0)
    engine.learn(OpenInterest(BTC, 5e10, T0 + 6), T0 + 6)

    (view,) = engine.tick(T0 + 10)[0].zones

    assert isinstance(opened, ZoneOpened)
    assert view.zone.strength == opened.zone.strength
    assert view.strength_now == pytest.approx(opened.zone.strength, abs=0.01)
    assert engine.snapshot(T0 + 10).clusters(T0 + 10)[0].strength < 0.1


def test_open_interest_that_arrives_after_the_burst_still_opens_the_zone() -> None:
    engine = Engine(Terms())
    held_back = burst(engine, 1000.0, 1.2e5, T0)
    engine.learn(OpenInterest(BTC, 1e7, T0 + 6), T0 + 6)

    (opened,) = engine.tick(T0 + 10)[1]

    assert held_back == ()
    assert isinstance(opened, ZoneOpened)


def test_a_zone_that_is_too_old_ends_before_a_mark_can_alert_on_it() -> None:
    """The feed was away for three days; the first mark comes before the first tick."""
    engine = Engine(Terms())
    engine.set_rules([Rule(RuleKind.NEAR, BTC, 1.0, 0.3)], T0)
    burst(engine, 1000.0, 6e5, T0)
    engine.mark(mark(950.0, T0 + 6))

    faded, ended = engine.mark(mark(995.0, T0 + 3 * 86_400))

    assert isinstance(faded, Transition)
    assert (faded.episode.state, faded.alert) == ("faded", None)
    assert isinstance(ended, ZoneEnded)
    assert ended.reason is ZoneEnd.EXPIRED


def test_a_zone_expires_by_time_alone_while_the_mark_stands_still() -> None:
    engine = Engine(Terms())
    engine.set_rules([Rule(RuleKind.NEAR, BTC, 1.0, 0.3)], T0)
    burst(engine, 1000.0, 6e5, T0)
    engine.mark(mark(950.0, T0 + 6))

    assert engine.mark(mark(950.0, T0 + 86_404)) == ()
    assert isinstance(engine.mark(mark(950.0, T0 + 86_405))[-1], ZoneEnded)


def test_an_hour_after_a_sweep_as_much_again_as_is_left_opens_the_zone_again() -> None:
    """600,000 USD were swept; an hour later 220,000 are left of them, and 100,000 more are not as much again."""
    engine = Engine(Terms())
    burst(engine, 1000.0, 6e5, T0)
    engine.mark(mark(990.0, T0 + 6))
    engine.mark(mark(1010.0, T0 + 7))

    assert burst(engine, 1000.0, 1e5, T0 + 3600, count=1) == ()
    assert any(isinstance(decision, ZoneOpened) for decision in burst(engine, 1000.0, 4e5, T0 + 3610))


def test_an_episode_that_moved_to_a_stronger_zone_is_swept_on_the_far_side() -> None:
    engine = Engine(Terms())
    engine.set_rules([Rule(RuleKind.NEAR, BTC, 1.0, 0.3)], T0)
    engine.restore(
        zones=[zone(985.0, 1015.0, strength=0.31)],
        ended_zones=[],
        episodes=[],
        liquidations=[],
        now=T0,
        watched_until=None,
    )
    for second, price in enumerate((950.0, 976.0, 1002.0)):
        engine.mark(mark(price, T0 + second))
    burst(engine, 1000.0, 2e6, T0 + 5)

    decisions = engine.mark(mark(1030.0, T0 + 11))

    assert [d.episode.outcome for d in decisions if isinstance(d, Transition)] == ["swept"]


def test_a_restart_keeps_zone_and_cluster_together() -> None:
    """The reloaded cluster takes the id its zone remembers; what is unchanged opens nothing."""
    before = Engine(Terms())
    held = [liquidation(1000.0 + step, 1e5, T0 + step / 10) for step in range(6)]
    for one in held:
        before.add(one, T0 + 1)
    (opened,) = before.tick(T0 + 5)[1]
    assert isinstance(opened, ZoneOpened)
    after = Engine(Terms())
    after.restore(
        zones=[opened.zone], ended_zones=[], episodes=[], liquidations=held, now=T0 + 60, watched_until=T0 + 5
    )

    snapshot, decisions = after.tick(T0 + 60)

    assert decisions == ()
    assert [found.id for found in snapshot.clusters(T0 + 60)] == [opened.zone.cluster_id]


def test_positions_are_measured_from_the_nearest_edge_in_per_cent_of_the_mark() -> None:
    assert position(zone(100.0, 101.0), 80.0).distance_pct == pytest.approx(25.0)
    assert position(zone(100.0, 101.0), 80.0).outside is Outside.BELOW
    assert position(zone(100.0, 101.0), 202.0).distance_pct == pytest.approx(50.0)
    assert position(zone(100.0, 101.0), 101.0).outside is None


def test_covering_and_overlapping_of_bands_without_width() -> None:
    point = zone(100.0, 100.0, name="point")

    assert still_covers(cluster(99.0, 101.0), point)
    assert not still_covers(cluster(100.5, 101.0), point)
    assert not still_covers(cluster(100.0, 100.0), zone(100.0, 101.0))
    assert overlapping(point, [zone(99.0, 101.0, name="wide"), zone(100.1, 101.0, name="beside")])[0].id == "wide"


@pytest.mark.parametrize(
    ("low", "high", "old"),
    [(100.4, 103.0, True), (100.6, 100.9, True), (100.8, 103.0, False), (100.8, 101.25, False), (101.5, 102.0, False)],
    ids=["most of its band", "a piece of its band", "an edge of its band", "less than half of itself", "beside it"],
)
def test_a_cluster_is_old_where_a_zone_that_has_ended_stood_for_it(low: float, high: float, old: bool) -> None:
    assert is_old(cluster(low, high), [zone(100.0, 101.0)], T0, 3600.0) is old


@pytest.mark.parametrize(
    ("usd", "hours", "old"), [(3e6, 0, True), (3.3e6, 0, False), (1e6, 1, True), (2.2e6, 1, False)]
)
def test_a_cluster_is_new_above_the_zones_peak_and_above_twice_what_is_left(usd: float, hours: int, old: bool) -> None:
    ended = [zone(90.0, 91.0, name="elsewhere"), zone(100.0, 101.0)]

    assert is_old(cluster(100.0, 101.0, usd), ended, T0 + 3600.0 * hours, 3600.0) is old
