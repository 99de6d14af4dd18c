"""What is put into many windows at once is where it would be had each of them taken its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.columns import MASS, Floats
from liqalert.core.manywindows import put_together
from liqalert.core.spans import spans
from liqalert.core.window import Window
from tests.core.events import TERMS

WIDTH = TERMS.window_width
# A grid on which many are equal, and on which windows begin and end.
prices = st.one_of(st.integers(-8, 8).map(lambda step: 1000.0 * 1.02 ** (step / 4)), st.floats(900.0, 1100.0))
keys = st.tuples(prices, st.integers(0, 2).map(float), st.integers(1, 2).map(float))
sides = st.tuples(st.sets(keys, min_size=1, max_size=40), st.sets(keys, min_size=1, max_size=5))


def columns(of: Sequence[tuple[float, float, float]]) -> Floats:
    """Each with a notional and a mass of its own."""
    rows = [(price, at, quantity, price * quantity, price + at + quantity) for price, at, quantity in sorted(of)]
    return np.array(rows).reshape(-1, MASS + 1).T


def window(held: Sequence[tuple[float, float, float]]) -> Window:
    made = Window()
    made.put(columns(held))
    made.spanned(WIDTH)
    made.own(np.arange(len(made)) % 3.0)
    return made


@given(st.lists(sides, min_size=1, max_size=6))
def test_many_windows_come_to_hold_what_each_would_by_itself(given: list[tuple[set, set]]) -> None:
    given = [(held, came - held) for held, came in given if came - held]
    together, alone = ([window([*held]) for held, _ in given] for _ in range(2))
    if given:
        joined = np.concatenate([columns([*came]) for _, came in given], axis=1)
        put_together(together, joined, np.array([len(came) for _, came in given]), WIDTH)
    for each, (_, came) in zip(alone, given, strict=True):
        each.put(columns([*came]))

    for found, expected in zip(together, alone, strict=True):
        table = expected.spanned(WIDTH).table
        assert found.is_spanned(WIDTH)
        assert found.columns().table.tolist() == table.tolist()
        assert found.columns().spans.tolist() == spans(table[0], WIDTH).tolist()
        assert found.oldest == expected.oldest
        assert found.changed
        assert found.arrived is None


def test_a_window_does_not_keep_those_alive_that_it_was_filled_with() -> None:
    both = [window([(100.0, 1.0, 1.0)]), window([(200.0, 1.0, 1.0)])]
    put_together(both, columns([(101.0, 2.0, 1.0), (201.0, 2.0, 1.0)]), np.array([1, 1]), WIDTH)

    assert [each.columns().table.base is None for each in both] == [True, True]
