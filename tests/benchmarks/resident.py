"""A process of its own: how much memory the daemon's libraries take, and how much with liquidations in the engine.

python -m tests.benchmarks.resident (import | hold LIVE): prints MiB.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import liqalert.app.lifecycle  # noqa: F401 - everything that the daemon imports
from liqalert.core.engine import Engine
from liqalert.core.terms import Terms
from tests.benchmarks.inputs import T0, liquidations

BETWEEN_TICKS = 5_000


def resident_mib() -> float:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return float(line.split()[1]) / 1024.0


def filled(live: int) -> Engine:
    """As in hours of life: now and then a tick looks at what has come."""
    engine = Engine(Terms())
    every = engine.terms.rebuild_s
    for number, each in enumerate(liquidations(live, T0), start=1):
        engine.add(each, each.received_time)
        if number % BETWEEN_TICKS == 0:
            engine.tick(each.received_time // every * every)
    return engine


if __name__ == "__main__":
    held = []
    if sys.argv[1] == "hold":
        engine = filled(int(sys.argv[2]))
        held.append(engine.tick(T0))
        gc.collect()
    print(resident_mib())
