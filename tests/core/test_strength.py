"""Properties P12 and P13: absolute strength."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.baselines import Baselines
from liqalert.core.market import OpenInterest, PositionSide
from liqalert.core.strength import Baseline, baseline, bin_of, magnitude, quantile
from tests.core.events import BTC, T0

DAY = 86_400.0
usd = st.floats(100.0, 1e11)
counts = st.floats(0.01, 1e4)


@given(usd, counts, st.floats(2.0, 20.0), st.floats(0.7, 2.5))
def test_p12_strength_lies_between_0_and_1_and_grows_with_usd_and_count(
    notional: float, count: float, ln_r: float, gamma: float
) -> None:
    usual = Baseline(ln_r, gamma, True, "")
    strength = usual.strength(magnitude(notional, count))

    assert 0.0 < strength < 1.0
    assert usual.strength(magnitude(notional * 0.9, count)) <= strength
    assert usual.strength(magnitude(notional, count * 0.9)) <= strength
    if strength < 0.999999:  # beyond that the difference is lost in rounding
        assert usual.strength(magnitude(notional * 0.9, count)) < strength
        assert usual.strength(magnitude(notional, count * 0.9)) < strength


def test_p16_strength_of_next_to_nothing_is_finite() -> None:
    assert 0.0 < Baseline(20.0, 2.5, True, "").strength(1e-300) < 1e-300


@given(st.floats(0.7, 2.5))
def test_p12_a_hundredth_of_the_usual_is_almost_nothing(gamma: float) -> None:
    assert Baseline(math.log(1e6), gamma, True, "").strength(1e4) < 0.05


def test_strength_is_a_half_at_the_usual_magnitude() -> None:
    usual = baseline([], 6e9, "")

    assert usual.strength(magnitude(3e6, 10.0)) == pytest.approx(0.5)


def test_a_lone_small_liquidation_on_a_big_market_is_weak() -> None:
    """5,000 USD on BTC: the models' worked example, strength about 0.002."""
    assert baseline([], 6e9, "").strength(magnitude(5e3, 1.0)) == pytest.approx(0.002, abs=0.0005)


def test_without_open_interest_a_billion_is_assumed_and_said() -> None:
    assumed = baseline([], None, "")

    assert not assumed.calibrated
    assert assumed.strength(magnitude(5e5, 10.0)) == pytest.approx(0.5)
    assert baseline([], 1e9, "").calibrated


def test_own_history_outweighs_the_guess_as_days_go_by() -> None:
    """97 % of samples at ln 8: R moves from the guess (ln 10.5) towards the 95 % quantile."""
    day = {bin_of(8.0): 280, bin_of(12.0): 8}
    guess = baseline([], 1e9, "").ln_r

    one_day, thirty_days = baseline([day], 1e9, "").ln_r, baseline([day] * 30, 1e9, "").ln_r

    assert thirty_days < one_day < guess
    assert thirty_days == pytest.approx((90 * quantile(day, 0.95) + 7 * guess) / 97)


def test_r_never_falls_below_a_twentieth_of_the_guess() -> None:
    quiet = {bin_of(4.9): 288}

    assert baseline([quiet] * 30, 1e10, "").ln_r == pytest.approx(baseline([], 1e10, "").ln_r - math.log(20))


def test_history_lays_strength_half_at_the_95th_and_nine_tenths_at_the_995th_thousandth() -> None:
    """Of 288 samples a day 270 lie in bin 200, 15 in bin 220 and 3 in bin 240: the two are 11.012 and 12.026, and
    ln 9 over their difference is 2.167. Thirty days weigh 90 to the guess's 7, which is 9.391 and 1.2."""
    usual = baseline([{200: 270, 220: 15, 240: 3}] * 30, 5e8, "")

    assert usual.ln_r == pytest.approx(10.895, abs=0.001)
    assert usual.gamma == pytest.approx(2.0971, abs=0.0001)
    assert usual.strength(math.exp(10.895 + math.log(9.0) / 2.0971)) == pytest.approx(0.9, abs=0.001)


def test_history_that_is_spread_wide_gives_the_flattest_slope() -> None:
    assert baseline([{0: 280, 400: 8}] * 30, 1e9, "").gamma == pytest.approx((90 * 0.7 + 7 * 1.2) / 97)


def test_history_without_spread_gives_the_steepest_slope() -> None:
    assert baseline([{100: 288}] * 30, 1e9, "").gamma == pytest.approx((90 * 2.5 + 7 * 1.2) / 97)


def test_half_a_day_of_samples_is_no_history() -> None:
    assert baseline([{100: 143}], 1e9, "") == baseline([], 1e9, "")


def test_the_quantile_is_linear_inside_its_bin() -> None:
    assert quantile({0: 100}, 0.95) == pytest.approx(0.0475)
    assert quantile({0: 90, 10: 10}, 0.95) == pytest.approx(0.525)


def test_baselines_use_only_earlier_days() -> None:
    owner = (BTC, PositionSide.LONG)
    known = Baselines()
    before = known.of(owner, T0)
    for sample in range(288):
        known.sample([owner], {owner: 1e9}, T0 + sample)

    assert known.of(owner, T0 + 300) == before
    assert known.of(owner, T0 + DAY).ln_r > before.ln_r


def test_thirty_days_count_and_no_more() -> None:
    owner = (BTC, PositionSide.LONG)
    known = Baselines()
    for sample in range(288):
        known.sample([owner], {owner: 1e9}, T0 + sample)

    thirty_days_later, a_day_after_that = known.of(owner, T0 + 30 * DAY), known.of(owner, T0 + 31 * DAY)

    assert thirty_days_later.ln_r > a_day_after_that.ln_r
    assert replace(a_day_after_that, version="") == replace(Baselines().of(owner, T0), version="")


def test_samples_are_saved_and_loaded_to_the_same_baseline() -> None:
    owner = (BTC, PositionSide.SHORT)
    known = Baselines()
    for sample in range(200):
        known.sample([owner], {owner: 1e4 * (sample + 1)}, T0 + sample)
    known.learn(OpenInterest(BTC, 2e9, T0))
    restored = Baselines()

    restored.load(*known.history())

    assert restored.of(owner, T0 + DAY) == known.of(owner, T0 + DAY)
    assert [row.day for row in known.take_unsaved()] == ["2026-09-21"]
    assert known.take_unsaved() == ()
