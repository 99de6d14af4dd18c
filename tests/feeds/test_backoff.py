from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from liqalert.feeds.backoff import Backoff


@given(st.integers(0, 10_000), st.integers())
def test_delay_lies_between_nothing_and_the_cap(failures: int, seed: int) -> None:
    assert 0.0 <= Backoff(first_s=1.0, cap_s=60.0).delay_s(failures, Random(seed)) <= 60.0


def test_bound_doubles_with_each_failure_until_the_cap() -> None:
    class Highest(Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    delays = [Backoff(first_s=1.0, cap_s=10.0).delay_s(failures, Highest()) for failures in range(6)]

    assert delays == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_delays_are_spread_over_the_whole_range() -> None:
    random = Random(1)
    delays = [Backoff(first_s=1.0, cap_s=8.0).delay_s(9, random) for _ in range(1000)]

    assert min(delays) < 0.1
    assert max(delays) > 7.9


def test_refusals_wait_five_minutes_doubling_to_an_hour() -> None:
    delays = [Backoff().refused_delay_s(refusals) for refusals in (0, 1, 2, 3, 4, 5, 10_000)]

    assert delays == [300.0, 600.0, 1200.0, 2400.0, 3600.0, 3600.0, 3600.0]
