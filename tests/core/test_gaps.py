from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.gaps import Watch, least_share, merged, watch_of
from liqalert.core.market import FeedStatus, Gap

ALIVE = FeedStatus("binance", alive=True, since=0.0)


def gap(start: float, end: float | None) -> Gap:
    return Gap("binance", start, end, "no marks for 5 s")


def test_without_a_gap_all_was_watched() -> None:
    assert watch_of(0.0, [], ALIVE).share(10.0, 20.0) == 1.0


@pytest.mark.parametrize(
    ("start", "end", "share"),
    [(0.0, 10.0, 1.0), (5.0, 15.0, 0.5), (12.0, 18.0, 0.0), (10.0, 20.0, 0.0), (0.0, 40.0, 0.75), (19.0, 21.0, 0.5)],
)
def test_the_share_of_a_time_around_a_gap(start: float, end: float, share: float) -> None:
    assert watch_of(-100.0, [gap(10.0, 20.0)], ALIVE).share(start, end) == share


@pytest.mark.parametrize(("at", "share"), [(9.9, 1.0), (10.0, 0.0), (19.9, 0.0), (20.0, 1.0)])
def test_of_a_moment_it_was_watched_or_not(at: float, share: float) -> None:
    assert watch_of(-100.0, [gap(10.0, 20.0)], ALIVE).share(at, at) == share


def test_what_was_before_the_first_record_was_not_watched() -> None:
    watch = watch_of(10.0, [], ALIVE)

    assert (watch.began, watch.share(0.0, 20.0)) == (10.0, 0.5)


def test_an_exchange_never_recorded_was_never_watched() -> None:
    watch = watch_of(None, [gap(1.0, 2.0)], None)

    assert (watch.began, watch.share(0.0, 20.0)) == (math.inf, 0.0)


def test_gaps_that_overlap_count_once() -> None:
    watch = watch_of(-100.0, [gap(10.0, 20.0), gap(15.0, 30.0), gap(12.0, 14.0), gap(30.0, 40.0)], ALIVE)

    assert watch.blind == ((-math.inf, -100.0), (10.0, 40.0))


def test_a_gap_that_lasts_reaches_to_now() -> None:
    down = FeedStatus("binance", alive=False, since=17.0, gaps=(gap(12.5, None),))

    assert watch_of(0.0, [], down).share(10.0, 20.0) == 0.25


def test_a_feed_not_alive_yet_watches_nothing() -> None:
    starting = FeedStatus("binance", alive=False, since=15.0)

    assert watch_of(0.0, [], starting).share(10.0, 20.0) == 0.5


def test_a_gap_just_ended_counts_before_the_database_has_it() -> None:
    back = FeedStatus("binance", alive=True, since=14.0, gaps=(gap(12.0, 14.0),))

    assert watch_of(0.0, [], back).share(10.0, 20.0) == 0.8


def test_the_least_of_several_counts_and_of_none_nothing() -> None:
    whole, half = watch_of(0.0, [], ALIVE), watch_of(15.0, [], ALIVE)

    assert least_share([whole, half], 10.0, 20.0) == 0.5
    assert least_share([], 10.0, 20.0) == 0.0


TIMES = st.integers(0, 100).map(float)


@given(gaps=st.lists(st.tuples(TIMES, TIMES), max_size=8), start=TIMES, length_s=st.integers(1, 50))
def test_the_share_is_what_counting_seconds_gives(gaps: list[tuple[float, float]], start: float, length_s: int) -> None:
    watch: Watch = watch_of(5.0, [gap(min(each), max(each)) for each in gaps], ALIVE)

    seconds = [start + second + 0.5 for second in range(length_s)]
    watched = [at for at in seconds if at > 5.0 and not any(min(each) < at < max(each) for each in gaps)]
    assert watch.share(start, start + length_s) == pytest.approx(len(watched) / length_s)


def test_stretches_that_overlap_are_one() -> None:
    assert merged([(5.0, 9.0), (1.0, 3.0), (2.0, 4.0), (9.0, 10.0)]) == ((1.0, 4.0), (5.0, 10.0))
