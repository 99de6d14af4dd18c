"""Liquidations that come together are taken in as if they had come one after the other: a replay depends on it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.engine import Engine, Verdict
from liqalert.core.market import Liquidation, PositionSide
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.terms import Terms
from tests.core.events import BTC, ETH, T0, liquidation, mark

# ETH has no mark, so what is far off is told by the fills before. Few values, so that some are the same.
arrivals = st.builds(
    liquidation,
    price=st.sampled_from([100.0, 101.0, 110.0, 30.0, 250.0]),
    usd=st.sampled_from([1e4, 5e5]),
    at=st.sampled_from([T0 - 50_000, T0 - 100, T0 - 1, T0, T0 + 30, T0 + 70]),
    instrument=st.sampled_from([BTC, ETH]),
    liquidated=st.sampled_from(PositionSide),
)


@given(st.lists(arrivals, max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_several_at_once_are_as_good_as_each_by_itself(came: list[Liquidation], cuts: list[int]) -> None:
    together, alone = engine(), engine()
    verdicts: list[Verdict] = []
    for start, end in pairwise(sorted({0, len(came), *(cut for cut in cuts if cut < len(came))})):
        verdicts += together.add_all(came[start:end], T0)

    assert verdicts == [alone.add(each, T0) for each in came]
    assert together.tick(T0 + 5) == alone.tick(T0 + 5)


def engine() -> Engine:
    made = Engine(Terms(min_notional_usd=1e4, min_events=1))
    made.set_rules([Rule(RuleKind.LARGE, None, 0.0, 0.0, 2e5), Rule(RuleKind.CASCADE, None, 0.0, 0.1)], T0)
    made.watch(T0 - 86_400.0, T0)
    made.mark(mark(100.0, T0 - 1))
    return made
