"""What a live liquidation weighs in counted bytes, which every round gives the same, and what a whole process does."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from liqalert.core.engine import Engine
from liqalert.core.market import Instrument, Liquidation, PositionSide
from liqalert.core.terms import Terms
from liqalert.core.windows import Windows
from tests.benchmarks.harness import Figure, Question, Scale, compare, run
from tests.benchmarks.inputs import T0, liquidations
from tests.benchmarks.resident import restarted_mib


@dataclass(slots=True)
class Slotted:
    """A liquidation as an object."""

    instrument: Instrument
    liquidated: PositionSide
    price: float
    quantity: float
    notional_usd: float
    event_time: float
    received_time: float


def figures(scale: Scale) -> Iterator[Figure]:
    live = scale.of(200_000, 1000)
    items = list(liquidations(live, T0))
    [objects] = _bytes_each(_objects(items), len(items))
    [windows] = _bytes_each(_windows(items), len(items))
    _, ticked = _bytes_each(_engine(items), len(items))
    for what, ours, at_most in (
        ("memory of a live liquidation in its window", windows, 0.35),
        ("the same with clusters, zones and all", ticked, None),
    ):
        yield Figure(Question(what, "a dataclass with slots, in a list", "bytes", at_most), (ours,), (objects,))
    yield compare(
        Question(f"the daemon's resident memory, {live:,} live", "importing the same libraries", "MiB", 1.4),
        ours=lambda: run(restarted_mib(live)),
        peer=_of_the_libraries,
        # It is the same each time.
        rounds=1,
    )


def _of_the_libraries() -> float:
    command = [sys.executable, "-m", "tests.benchmarks.resident"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)


def _bytes_each(stages: Iterator[object], count: int) -> list[float]:
    """What is allocated by the end of each stage, by `count`."""
    tracemalloc.start()
    try:
        return [tracemalloc.get_traced_memory()[0] / count for _ in stages]
    finally:
        tracemalloc.stop()


def _windows(items: Sequence[Liquidation]) -> Iterator[Windows]:
    windows = Windows(Terms())
    for each in items:
        windows.add(each, T0)
    windows.take_changed(T0)
    yield windows


def _engine(items: Sequence[Liquidation]) -> Iterator[Engine]:
    engine = Engine(Terms())
    for each in items:
        engine.add(each, T0)
    yield engine
    engine.tick(T0)
    yield engine


def _objects(items: Sequence[Liquidation]) -> Iterator[list[Slotted]]:
    yield [_object(each) for each in items]


def _object(each: Liquidation) -> Slotted:
    """With numbers of its own: those of `each` are there already and would not be counted."""
    numbers = (each.price, each.quantity, each.notional_usd, each.event_time, each.received_time)
    return Slotted(each.instrument, each.liquidated, *(number * 1.0 for number in numbers))
