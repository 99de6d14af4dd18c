from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.episodes import EpisodeState
from liqalert.core.evaluation import (
    CONTROLS_PER_ALERT,
    Collected,
    Fate,
    Level,
    Prices,
    Share,
    controls,
    fate,
    figures,
)
from liqalert.core.zones import Outside

BELOW = Level(at=0.0, price=100.0, side=Outside.ABOVE, low=98.0, high=99.2, until=3600.0, rearm_pct=1.4)
"""A range 0.8 % below a mark of 100."""
ABOVE = Level(at=0.0, price=100.0, side=Outside.BELOW, low=100.8, high=102.0, until=3600.0, rearm_pct=1.4)


def prices(*values: float, every_s: float = 60.0) -> Prices:
    return Prices(np.arange(len(values)) * every_s, np.array(values))


@pytest.mark.parametrize(
    ("path", "touched", "outcome"),
    [
        ((100.0, 99.0, 98.5, 97.9), True, EpisodeState.SWEPT),
        ((100.0, 97.0), True, EpisodeState.SWEPT),
        ((100.0, 99.0, 100.0, 100.7), True, EpisodeState.HELD),
        ((100.0, 99.3, 100.7, 97.0), False, EpisodeState.HELD),
        ((100.0, *[99.5] * 60), False, EpisodeState.FADED),
        ((100.0, *[99.0] * 60), True, EpisodeState.FADED),
        ((100.0, 99.0, 99.0), True, None),
        ((100.0,), False, None),
    ],
)
def test_a_level_is_followed_by_the_words_of_an_episode(path: tuple[float, ...], touched: bool, outcome: str) -> None:
    found = fate(BELOW, prices(*path))

    assert (found.touched, found.outcome) == (touched, outcome)


def test_a_level_above_the_mark_is_the_mirror_image() -> None:
    found = fate(ABOVE, prices(100.0, 101.0, 102.1))

    assert found == Fate(touched=True, outcome=EpisodeState.SWEPT, touched_after_s=60.0, move_pct=None)


def test_what_happened_before_the_alert_or_after_its_time_does_not_count() -> None:
    late = Level(120.0, 100.0, Outside.ABOVE, 98.0, 99.2, until=240.0, rearm_pct=1.4)

    assert fate(late, prices(97.0, 97.0, 100.0, 100.0, 100.0, 97.0)).outcome is EpisodeState.FADED


def test_a_silence_ends_what_is_known() -> None:
    known = Prices(np.array([0.0, 60.0, 1800.0]), np.array([100.0, 99.5, 97.0]))

    assert fate(BELOW, known) == Fate(touched=False, outcome=None, touched_after_s=None, move_pct=None)


def test_the_move_an_hour_later_is_positive_towards_the_range() -> None:
    falling = prices(*np.linspace(100.0, 98.0, 61))

    assert fate(BELOW, falling).move_pct == pytest.approx(2.0)
    assert fate(ABOVE, falling).move_pct == pytest.approx(-2.0)


def test_controls_keep_the_distances_at_other_moments() -> None:
    known = prices(*np.linspace(100.0, 200.0, 50))

    found = controls([BELOW], known, lambda n: n - 1)

    assert len(found) == CONTROLS_PER_ALERT
    assert (found[0].price, found[0].low, found[0].high) == pytest.approx((200.0, 196.0, 198.4))
    assert found[0].until - found[0].at == 3600.0


@pytest.mark.parametrize(
    ("count", "of", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)]
)
def test_wilson_intervals(count: int, of: int, low: float, high: float) -> None:
    assert Share(count, of).interval == pytest.approx((low, high), abs=1e-4)


def test_nothing_known_is_everything_possible() -> None:
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, (0.0, 1.0))


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_share(count: int, more: int) -> None:
    share = Share(count, count + more)
    low, high = share.interval

    assert 0.0 <= low <= (share.value if share.value is not None else 0.5) + 1e-9
    assert (share.value if share.value is not None else 0.5) - 1e-9 <= high <= 1.0


def test_less_than_a_watched_day_gives_no_number_of_alerts_a_day() -> None:
    held = Fate(touched=False, outcome=EpisodeState.HELD, touched_after_s=None, move_pct=None)

    less = figures(Collected([held], []), distance_pct=1.0, min_strength=0.6, days=0.994)
    a_day = figures(Collected([held], []), distance_pct=1.0, min_strength=0.6, days=0.9999)

    assert (less.alerts, less.per_day) == (1, None)
    assert a_day.per_day == pytest.approx(1.0, abs=0.001)


def test_open_ones_count_as_alerts_and_in_no_share() -> None:
    swept = Fate(touched=True, outcome=EpisodeState.SWEPT, touched_after_s=30.0, move_pct=1.0)
    still_open = Fate(touched=True, outcome=None, touched_after_s=90.0, move_pct=None)

    found = figures(Collected([swept, still_open], [swept]), distance_pct=1.0, min_strength=0.6, days=4.0)

    assert (found.alerts, found.still_open, found.per_day) == (2, 1, 0.5)
    assert found.alerted.touched == Share(1, 1)
    assert (found.median_touch_s, found.median_move_pct) == (60.0, 1.0)
