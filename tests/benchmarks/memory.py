"""What a live liquidation weighs. Counted bytes, so every round gives the same."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from liqalert.core.engine import Engine
from liqalert.core.market import Instrument, Liquidation, PositionSide
from liqalert.core.terms import Terms
from tests.benchmarks.harness import Figure, Question, Scale
from tests.benchmarks.inputs import T0, liquidations


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
    items = list(liquidations(scale.of(200_000, 1000), T0))
    [objects] = _bytes_each(_objects(items), len(items))
    held, ticked = _bytes_each(_engine(items), len(items))
    for what, ours in (
        ("memory of a live liquidation in its window", held),
        ("the same with its clusters, after a tick", ticked),
    ):
        yield Figure(Question(what, "a dataclass with slots, in a list", "bytes"), (ours,), (objects,))


def _bytes_each(stages: Iterator[object], count: int) -> list[float]:
    """What is allocated by the end of each stage, by `count`."""
    tracemalloc.start()
    try:
        return [tracemalloc.get_traced_memory()[0] / count for _ in stages]
    finally:
        tracemalloc.stop()


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
