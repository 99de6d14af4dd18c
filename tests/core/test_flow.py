"""The last minutes of all sides in one log, against each side's own list."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.baselines import Owner
from liqalert.core.flow import WINDOW_S, Flow, Flows
from liqalert.core.market import Liquidation, PositionSide
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.strength import Baseline, magnitude
from tests.core.events import BTC, ETH, T0, liquidation

RULE = Rule(RuleKind.CASCADE, BTC, 0.0, 0.6)
BASELINE = Baseline(13.0, 1.2, True, "2026-09-21")

arrivals = st.builds(
    lambda at, late, usd, instrument, side: liquidation(
        1000.0, usd, T0 + at, instrument=instrument, liquidated=side, received=T0 + at + late
    ),
    at=st.integers(0, 150),
    late=st.integers(-2, 5),
    usd=st.integers(1, 10**6).map(float),
    instrument=st.sampled_from([BTC, ETH]),
    side=st.sampled_from(PositionSide),
)


@given(st.lists(st.tuples(st.lists(arrivals, max_size=8), st.integers(0, 40), st.booleans()), max_size=12))
def test_each_side_comes_to_what_its_own_list_would(ticks: list[tuple[list[Liquidation], int, bool]]) -> None:
    flows, lists = Flows(), defaultdict[Owner, list[Liquidation]](list)
    greatest: dict[Owner, float] = {}
    now = T0
    for arrived, later, sampled in ticks:
        now += later
        sides = flows.add(arrived, [None] * len(arrived))
        flows.prune(now)
        flows.measure()
        for each in arrived:
            lists[each.instrument, each.liquidated].append(each)
        for owner, liquidations in lists.items():
            lists[owner] = sorted((each for each in liquidations if at(each) > now - WINDOW_S), key=at)
        held = {owner: liquidations for owner, liquidations in lists.items() if liquidations}

        grown = list(dict.fromkeys((each.instrument, each.liquidated) for each in arrived))
        great = list(flows.great(sides, 1, 0.0))
        assert great == [Flow(owner, usd(held[owner]), len(held[owner])) for owner in grown if owner in held]
        for flow in great:
            evidence = flows.evidence(flow, RULE, BASELINE, None)
            liquidations = held[flow.owner]
            assert (evidence.first_at, evidence.last_at) == (at(liquidations[0]), at(liquidations[-1]))
            assert evidence.largest_usd == max(each.notional_usd for each in liquidations)

        sizes = {owner: magnitude(usd(liquidations), len(liquidations)) for owner, liquidations in held.items()}
        greatest |= {owner: max(size, greatest.get(owner, 0.0)) for owner, size in sizes.items()}
        if sampled:
            assert flows.take_greatest() == pytest.approx(greatest)
            greatest = sizes


def test_a_minute_that_begins_within_a_second_has_sixty_of_them() -> None:
    flows = Flows()
    reports = [liquidation(1000.0, 1e5, T0 + 0.5 + each, received=T0 + 60.4) for each in range(60)]
    reports.append(liquidation(1000.0, 1e5, T0 + 60.4, received=T0 + 60.4))
    flows.add(reports, [None] * len(reports))
    flows.prune(T0 + 60.4)
    [flow] = flows.great({0: reports[0]}, 1, 0.0)

    evidence = flows.evidence(flow, RULE, BASELINE, None)

    assert (evidence.count, evidence.saturated_s) == (61, 60)


def test_one_report_in_each_of_many_seconds_stands_for_more_than_is_shown() -> None:
    flows = Flows()
    reports = [liquidation(1000.0, 1000.0, T0 + each + 0.2, received=T0 + 59.9) for each in range(0, 60, 2)]
    flows.add(reports, [None] * len(reports))
    flows.prune(T0 + 59.9)
    [flow] = flows.great({0: reports[0]}, 1, 0.0)

    assert flows.evidence(flow, RULE, BASELINE, None).at_least_usd == pytest.approx(41_588.8, abs=0.1)


def at(each: Liquidation) -> float:
    return min(each.event_time, each.received_time)


def usd(liquidations: list[Liquidation]) -> float:
    return sum(each.notional_usd for each in liquidations)
