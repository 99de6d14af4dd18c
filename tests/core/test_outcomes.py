"""How near price came to a zone."""

from __future__ import annotations

import pytest

from liqalert.core.episodes import Episode, EpisodeState
from liqalert.core.outcomes import became, closest_pct
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.zones import Outside, Zone
from tests.changing import replace
from tests.core.events import BTC, T0, zone

EPISODE = Episode("e", Rule(RuleKind.NEAR, BTC, 1.0, 0.6), "z", EpisodeState.NEAR, T0)


def came_to(furthest: float | None, outside: Outside) -> float | None:
    seen: Zone = replace(zone(100.0, 110.0), outside=outside)
    return closest_pct(replace(EPISODE, furthest=furthest), seen)


@pytest.mark.parametrize(
    ("furthest", "outside", "pct"),
    [
        (80.0, Outside.BELOW, 25.0),
        (100.0, Outside.BELOW, 0.0),
        (105.0, Outside.BELOW, 0.0),
        (120.0, Outside.BELOW, 0.0),
        (137.5, Outside.ABOVE, 20.0),
        (90.0, Outside.ABOVE, 0.0),
    ],
)
def test_the_nearest_is_measured_from_the_edge_it_came_to(furthest: float, outside: Outside, pct: float) -> None:
    assert came_to(furthest, outside) == pytest.approx(pct)


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert came_to(None, Outside.BELOW) is None
    assert closest_pct(replace(EPISODE, furthest=80.0), None) is None


@pytest.mark.parametrize(
    ("state", "outcome", "word"),
    [
        (EpisodeState.NEAR, None, "near"),
        (EpisodeState.TOUCHED, None, "touched"),
        (EpisodeState.SWEPT, EpisodeState.SWEPT, "swept"),
        (EpisodeState.COOLING, EpisodeState.HELD, "held"),
        (EpisodeState.IDLE, EpisodeState.HELD, "held"),
        (EpisodeState.IDLE, None, "grown"),
    ],
)
def test_what_became_of_an_alert_is_its_outcome_also_when_its_episode_is_idle_again(
    state: EpisodeState, outcome: EpisodeState | None, word: str
) -> None:
    assert became(replace(EPISODE, state=state, outcome=outcome)) == word
