"""A short form of the benchmarks, in every test run: a cost ten times what it was fails, on however busy a machine.

Each is the least ratio of a few rounds: whatever else runs on the machine can only make a ratio of CPU times worse.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.benchmarks import bare
from tests.benchmarks.decode import decoding
from tests.benchmarks.harness import Cost, Question, compare, cpu_us
from tests.benchmarks.inputs import T0, force_order_frames, mark_frame, prices
from tests.benchmarks.marks import Watched
from tests.benchmarks.ticks import CHANGED, Ticking, loaded

ROUNDS = 5


def least_ratio(ours: Cost, peer: Cost) -> float:
    return min(compare(Question("", "", ""), ours=ours, peer=peer, rounds=ROUNDS).ratios)


def test_decoding_a_liquidation_stays_near_bare_decoding() -> None:
    """1.6 in November 2026."""
    frames = force_order_frames(300, T0)

    ratio = least_ratio(
        decoding(frames),
        lambda: cpu_us(lambda: [bare.decode_wrapped_force_order(frame) for frame in frames], len(frames)),
    )

    assert ratio < 25.0


def test_a_tick_costs_what_has_changed_and_not_what_is_there() -> None:
    """0.5 sorts of 200,000 keys in November 2026, with however many live liquidations."""
    ticking = Ticking(loaded(20_000))
    keys = np.random.default_rng(1).random(200_000)

    ratio = least_ratio(lambda: ticking.cost(CHANGED), lambda: cpu_us(lambda: np.sort(keys, kind="stable"), 1))

    assert ratio < 5.0


def test_marks_cost_what_they_reach_and_not_what_there_is_to_reach(tmp_path: Path) -> None:
    """6 decodings of the array in November 2026, for a second's usual moves on 6,000 zones and 40 rules."""
    watched = Watched(40, tmp_path)
    array = mark_frame(prices(), T0)

    ratio = least_ratio(watched.usual, lambda: cpu_us(lambda: bare.decode_wrapped_marks(array), 1))

    assert ratio < 60.0
