"""The approach index finds everything that looking at every mark finds."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.engine import Engine
from liqalert.core.episodes import Decision
from liqalert.core.rules import Quiet, Rule, RuleKind, critical_prices, quiet_everywhere, quiet_range
from liqalert.core.terms import Terms
from tests.core.events import BTC, T0, liquidation, mark


def test_the_range_ends_at_the_next_price_that_matters() -> None:
    quiet = quiet_range(critical_prices(100.0, 101.0, [1.0]), 90.0, math.inf)

    assert quiet.holds(99.0, T0)
    assert not quiet.holds(100 / 1.01, T0)
    assert quiet.holds(0.01, T0)


def test_the_range_ends_in_time_too() -> None:
    quiet = quiet_range([], 90.0, T0 + 10)

    assert quiet.holds(90.0, T0 + 9)
    assert not quiet.holds(90.0, T0 + 10)


def test_a_mark_at_a_price_that_matters_leaves_no_range_on_either_side() -> None:
    quiet = quiet_range(critical_prices(100.0, 101.0, [1.0]), 100 / 1.01, math.inf)

    assert not any(quiet.holds(price, T0) for price in (98.9, 99.0, 100 / 1.01, 99.1))


def test_from_a_distance_of_the_whole_price_only_the_side_below_is_left() -> None:
    assert critical_prices(100.0, 101.0, [100.0]) == [100.0, 101.0, 50.0]


def test_where_one_place_is_to_be_looked_at_nothing_is_quiet() -> None:
    known = [Quiet(90.0, 110.0, T0 + 9), Quiet(95.0, 120.0, T0 + 5)]

    assert quiet_everywhere(known) == Quiet(95.0, 110.0, T0 + 5)
    assert quiet_everywhere([*known, None]) is None


def test_equal_rules_have_equal_ids() -> None:
    assert Rule(RuleKind.NEAR, BTC, 1.0, 0.6).id == "near:binance:BTCUSDT:1:0.6"
    assert Rule(RuleKind.NEAR, None, 0.8, 0.75).id == "near:*:0.8:0.75"


rules = st.lists(
    st.builds(
        Rule,
        kind=st.just(RuleKind.NEAR),
        instrument=st.sampled_from([None, BTC]),
        distance_pct=st.sampled_from([0.3, 0.5, 1.0, 2.0]),
        min_strength=st.sampled_from([0.3, 0.5, 0.6]),
    ),
    min_size=1,
    max_size=4,
)
paths = st.lists(st.one_of(st.integers(940, 1060).map(float), st.floats(940.0, 1060.0)), min_size=1, max_size=60)


@given(rules, paths)
def test_the_index_misses_nothing_that_looking_at_every_mark_finds(held: list[Rule], path: list[float]) -> None:
    def decisions(*, indexed: bool) -> list[Decision]:
        engine = Engine(Terms(cooldown_s=20.0))
        engine.set_rules(held, T0)
        for step in range(6):
            engine.add(liquidation(1000.0 + step / 2, 2e5, T0 - 60 + step), T0)
        found: list[Decision] = list(engine.tick(T0)[1])
        for step, price in enumerate(path):
            if not indexed:
                engine.set_rules(held, T0)  # forgets the index, keeps the episodes
            found += engine.mark(mark(price, T0 + 1 + step))
        return found

    assert decisions(indexed=True) == decisions(indexed=False)
