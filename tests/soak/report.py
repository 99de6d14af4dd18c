"""What was measured, what it may be at most, and whether it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TypeVar

from tests.soak.day import Lived
from tests.soak.flood import Flooded

T = TypeVar("T")

KEPT_BYTES = 100.0
"""For one liquidation: 44 of them are its place in a window, the rest is what allocators leave unused."""
IN_TIME_S = 5.0
"""Marks that are older mean a feed that is not proven alive."""
GROWTH = 1.05


@dataclass(frozen=True, slots=True)
class Measure:
    """`most` None: nothing is asked of it."""

    name: str
    value: float
    most: float | None = None

    @property
    def breached(self) -> bool:
        return self.most is not None and not self.value <= self.most


def flood_measures(found: Flooded) -> Iterable[Measure]:
    first, second = _halves(found.vitals)
    begin, end = found.vitals[0], found.vitals[-1]
    lasted_s = end.at_s - begin.at_s
    share = (second[-1].at_s - second[0].at_s) / lasted_s
    grown = median(each.memory_bytes for each in second[-10:]) - median(each.memory_bytes for each in second[:10])
    yield Measure("flood: liquidations sent", found.sent)
    yield Measure("flood: neither written nor counted", abs(found.sent - found.written - found.left_out), 0)
    yield Measure("flood: left out", found.left_out, 0)
    yield Measure("flood: connections lost", found.reconnects, 0)
    yield Measure("flood: marks, median latency at worst, s", max(found.mark_latencies_s), 1.0)
    yield Measure("flood: trade to page, median, s", median(found.probe_delays_s))
    yield Measure("flood: trade to page, 99 % within, s", quantiles(found.probe_delays_s, n=100)[-1], IN_TIME_S / 2)
    yield Measure("flood: trade to page, at worst, s", max(found.probe_delays_s), IN_TIME_S)
    yield Measure("flood: cores busy with the daemon", (end.cpu_s - begin.cpu_s) / lasted_s)
    # Where this comes near to what the machine has, the flood was not the only load.
    yield Measure("flood: cores busy with everything", (end.machine_s - begin.machine_s) / lasted_s)
    yield Measure("flood: memory at the end, MB", end.memory_bytes / 1e6)
    yield Measure(
        "flood: memory for each liquidation of the second half, bytes", grown / (found.sent * share), KEPT_BYTES
    )
    yield Measure(
        "flood: more open files in the second half than in the first",
        max(each.files for each in second) - max(each.files for each in first),
        2,
    )
    yield Measure("flood: lines in the log", len(found.log), 60)


def day_measures(lived: Lived) -> Iterable[Measure]:
    third, fourth = _halves(_halves(lived.vitals)[1])
    tasks_third, tasks_fourth = _halves(_halves(lived.tasks)[1])
    memory = median(each.memory_bytes for each in third), median(each.memory_bytes for each in fourth)
    yield Measure("day: hours simulated", lived.simulated_s / 3600.0)
    yield Measure("day: times real time", lived.speed)
    yield Measure("day: alerts", lived.said.count("from a cluster of liquidated"))
    yield Measure("day: questions answered", lived.answered)
    yield Measure("day: questions not answered", len(lived.refused), 0)
    yield Measure("day: gaps", lived.gaps)
    yield Measure("day: memory in the third quarter, MB", memory[0] / 1e6)
    yield Measure("day: memory in the fourth quarter, MB", memory[1] / 1e6, memory[0] / 1e6 * GROWTH)
    yield Measure(
        "day: more open files in the fourth quarter than in the third",
        max(each.files for each in fourth) - max(each.files for each in third),
        2,
    )
    yield Measure(
        "day: more threads in the fourth quarter than in the third",
        max(each.threads for each in fourth) - max(each.threads for each in third),
        2,
    )
    yield Measure(
        "day: more tasks in the fourth quarter than in the third", median(tasks_fourth) - median(tasks_third), 1
    )
    yield Measure("day: tasks that outlived the daemon", len(lived.left_over), 0)


def table(measures: Sequence[Measure]) -> str:
    width = max(len(measure.name) for measure in measures)
    lines = [f"{'':{width}}  {'measured':>12}  {'at most':>10}"]
    for each in measures:
        most = "" if each.most is None else f"{each.most:,.6g}"
        lines.append(
            f"{each.name:{width}}  {each.value:>12,.6g}  {most:>10}  {'BREACHED' if each.breached else ''}".rstrip()
        )
    return "\n".join(lines)


def _halves(items: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    return items[: len(items) // 2], items[len(items) // 2 :]
