"""Frames of marks of many instruments, for Hypothesis: nearly always in one order, and with all that may go wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from liqalert.core.frames import FEWEST
from liqalert.core.market import Instrument, Mark

MANY = tuple(Instrument("binance", f"COIN{number}USDT") for number in range(FEWEST + 4))
ORDERS = {
    "usual": MANY,
    "other way round": MANY[::-1],
    "one is missing": MANY[1:],
    "the last are missing": MANY[:FEWEST],
    "one comes twice": (*MANY, MANY[3]),
    "one alone": MANY[2:3],
    "a few": MANY[4:8],
}


@dataclass(frozen=True)
class Step:
    """One frame, as it differs from the one before."""

    order: str
    moves: tuple[float, ...]
    """By how much each instrument's price is multiplied."""
    wait_s: float
    lag_s: float
    """How old the marks are; below 0 where the exchange's time is ahead."""
    late: tuple[int, ...]
    """Those that are half a second older than the others."""


steps = st.lists(
    st.builds(
        Step,
        order=st.one_of(st.just("usual"), st.just("usual"), st.sampled_from(sorted(ORDERS))),
        moves=st.one_of(
            st.just((1.0,) * len(MANY)),
            st.tuples(*[st.sampled_from([1.0, 1.0, 1.001, 0.999, 1.02, 0.98, 0.9])] * len(MANY)),
        ),
        wait_s=st.sampled_from([1.0, 1.0, 1.0, 0.2, 16.0, 40.0, 1900.0, -70.0]),
        lag_s=st.sampled_from([0.0, 0.0, 0.0, 1.5, 61.0, -50.0]),
        late=st.one_of(st.just(()), st.tuples(st.integers(0, len(MANY) - 1))),
    ),
    max_size=25,
)


def frames(found: Sequence[Step], at: float) -> Iterator[tuple[Mark, ...]]:
    prices = dict.fromkeys(MANY, 100.0)
    for step in found:
        at += step.wait_s
        for instrument, move in zip(MANY, step.moves, strict=True):
            prices[instrument] *= move
        late = {MANY[number] for number in step.late}
        yield tuple(
            Mark(each, prices[each], at - step.lag_s - (0.5 if each in late else 0.0), at)
            for each in ORDERS[step.order]
        )
