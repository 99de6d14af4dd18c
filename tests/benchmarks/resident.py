"""A process of its own: how much memory the daemon's libraries take, and how much with liquidations in the engine.

python -m tests.benchmarks.resident (import | hold LIVE): prints MiB.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import liqalert.app.lifecycle  # noqa: F401 - everything that the daemon imports
from tests.benchmarks.inputs import T0
from tests.benchmarks.ticks import loaded


def resident_mib() -> float:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return float(line.split()[1]) / 1024.0


if __name__ == "__main__":
    held = []
    if sys.argv[1] == "hold":
        engine = loaded(int(sys.argv[2]))
        held.append(engine.tick(T0))
        gc.collect()
    print(resident_mib())
