"""How a figure is measured: ours and its peer in turns, round by round, and the ratios within each round.

A shared machine changes its speed within seconds, so no time means anything by itself; two times a moment apart do.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from statistics import median
from time import perf_counter, process_time
from typing import Any, TypeAlias, TypeVar

_T = TypeVar("_T")

Cost: TypeAlias = Callable[[], float]
"""Does its work once and returns what an item of it cost, preparations left out."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Whether to measure, or only to show that every benchmark still runs."""

    tiny: bool = False

    def of(self, full: int, tiny: int) -> int:
        return tiny if self.tiny else full

    def rounds(self, full: int) -> int:
        return self.of(full, 1)


@dataclass(frozen=True, slots=True)
class Question:
    """What is measured, against what, and in which unit both are."""

    what: str
    against: str
    unit: str
    at_most: float | None = None
    """The ratio to reach; None where none is asked for."""


MISSED_BY = 1.25
"""A ratio this many times its target, or more, is a failure: a smaller miss may be the machine's."""
NEAR_ITS_FLOOR = 1.3
"""So many times the least that could be done at all is as good as a target beyond that."""


@dataclass(frozen=True, slots=True)
class Figure:
    """The answer: the cost of an item in each round, ours and the peer's."""

    question: Question
    ours: tuple[float, ...]
    peer: tuple[float, ...]
    floor: tuple[float, ...] = ()
    """What the least that could be done cost in the same rounds, where that is asked for."""

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours by the peer's of the same round."""
        return tuple(ours / peer for ours, peer in zip(self.ours, self.peer, strict=True))

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def above_floor(self) -> float | None:
        """How many times the floor ours is; None where there is none."""
        return median(ours / least for ours, least in zip(self.ours, self.floor, strict=True)) if self.floor else None

    @property
    def verdict(self) -> str:
        """Empty where nothing is asked for."""
        if self.question.at_most is None:
            return ""
        if self.ratio <= self.question.at_most:
            return "reached"
        if self.ratio <= self.question.at_most * MISSED_BY:
            return "nearly"
        return "at its floor" if self.above_floor is not None and self.above_floor <= NEAR_ITS_FLOOR else "missed"


def compare(question: Question, *, ours: Cost, peer: Cost, rounds: int, floor: Cost | None = None) -> Figure:
    """All once to warm up (not where a single round shows that they run), then all in each round, in any order."""
    random = Random(question.what)
    costs: dict[Cost, list[float]] = {cost: [] for cost in (ours, peer, floor) if cost is not None}
    for measured in [False] * (rounds > 1) + [True] * rounds:
        gc.collect()
        for side in random.sample(tuple(costs), len(costs)):
            cost = side()
            if measured:
                costs[side].append(cost)
    return Figure(question, tuple(costs[ours]), tuple(costs[peer]), tuple(costs[floor]) if floor else ())


@contextmanager
def without_collector() -> Iterator[None]:
    """For a measurement whose other end is in this process: a pause of its own would count as the other's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def cpu_us(work: Callable[[], object], items: int) -> float:
    """Microseconds of CPU an item: for what does not wait. Other programs on the machine disturb it least."""
    began = process_time()
    work()
    return (process_time() - began) / items * 1e6


def wall_us(work: Callable[[], object], items: int) -> float:
    """Microseconds an item took, waiting included."""
    began = perf_counter()
    work()
    return (perf_counter() - began) / items * 1e6


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """`work` on the kind of loop that the daemon uses."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
