"""Which bands count as the same: what a cluster still covers, what overlaps, and what a zone is called."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.engine import Engine
from liqalert.core.episodes import ZoneEnded, ZoneOpened
from liqalert.core.terms import Terms
from liqalert.core.zones import Zone, covered_by, is_old, overlapping, still_covers
from tests.core.events import T0, cluster, mark, zone
from tests.core.test_zones import burst

# On a grid, so that bands without width, shared edges and halves occur.
bands = st.tuples(st.integers(0, 8), st.integers(0, 8)).map(lambda ends: (2.0 ** min(ends), 2.0 ** max(ends)))


def zones_at(found: list[tuple[float, float]]) -> list[Zone]:
    return [zone(low, high, name=f"z{number}") for number, (low, high) in enumerate(found)]


@pytest.mark.parametrize(
    ("low", "high", "overlap"),
    [
        (100.0, 101.0, True),
        (100.4, 103.0, True),
        (100.6, 103.0, False),
        (101.0, 103.0, False),
        (99.0, 100.6, True),
        (99.0, 100.4, False),
        (100.8, 100.9, True),
        (102.0, 103.0, False),
    ],
)
def test_zones_overlap_that_share_more_than_half_of_the_narrower_band(low: float, high: float, overlap: bool) -> None:
    assert bool(overlapping(zone(100.0, 101.0), [zone(low, high, name="other")])) is overlap


def test_half_of_a_band_is_covered_and_does_not_overlap() -> None:
    half = zone(1.0, 4.0, name="half")

    assert still_covers(cluster(2.0, 4.0), half)
    assert overlapping(zone(2.0, 8.0), [half]) == ()


def test_a_zone_does_not_overlap_itself() -> None:
    assert overlapping(zone(100.0, 101.0), [zone(100.0, 101.0)]) == ()


@given(bands, st.lists(bands, max_size=5))
def test_a_cluster_covers_the_zones_of_which_half_lies_inside_it(band: tuple, others: list[tuple]) -> None:
    found, zones = cluster(*band), zones_at(others)

    assert covered_by(found, zones) == [each for each in zones if still_covers(found, each)]
    for each in zones:
        shared = math.log2(min(each.high, found.band_high) / max(each.low, found.band_low))
        width = math.log2(each.high / each.low)
        assert still_covers(found, each) is (shared >= 0.5 * width if width else shared >= 0.0)


@given(bands, bands)
def test_whether_two_zones_overlap_does_not_depend_on_which_is_asked(band: tuple, other: tuple) -> None:
    one, two = zone(*band, name="one"), zone(*other, name="two")

    assert bool(overlapping(one, [two])) is bool(overlapping(two, [one]))


@given(bands, st.lists(bands, max_size=4))
def test_a_cluster_is_old_if_it_is_so_by_one_of_the_zones_that_ended(band: tuple, others: list[tuple]) -> None:
    found, ended = cluster(*band, usd=1.0), zones_at(others)

    assert is_old(found, ended, T0, 3600.0) is any(is_old(found, [each], T0, 3600.0) for each in ended)


def test_zones_that_one_cluster_opens_one_after_the_other_have_ids_of_their_own() -> None:
    """The first is swept, and the same cluster comes to more than it was."""
    engine = Engine(Terms())
    (first,) = burst(engine, 1000.0, 6e5, T0)
    assert isinstance(first, ZoneOpened)
    engine.mark(mark(990.0, T0 + 6))
    assert isinstance(engine.mark(mark(1010.0, T0 + 7))[-1], ZoneEnded)

    (second,) = burst(engine, 1000.0, 9e5, T0 + 10)

    assert isinstance(second, ZoneOpened)
    assert second.zone.cluster_id == first.zone.cluster_id
    assert second.zone.id != first.zone.id
