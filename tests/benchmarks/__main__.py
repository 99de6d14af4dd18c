"""Every benchmark, one after the other: a table on the terminal, and JSON in a file.

python -m tests.benchmarks [--json FILE] [--only GROUP ...]: exits 1 when a ratio misses its target by more than 25 %.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import perf_counter

from tests.benchmarks import (
    alerts,
    busy,
    connections,
    crowd,
    decode,
    heatmap,
    journal,
    marks,
    memory,
    messages,
    receive,
    startup,
    ticks,
)
from tests.benchmarks.harness import Figure, Scale
from tests.benchmarks.report import table, write_json

GROUPS: Mapping[str, Callable[[Scale], Iterator[Figure]]] = {
    "decode": decode.figures,
    "receive": receive.figures,
    "connections": connections.figures,
    "ticks": ticks.figures,
    "marks": marks.figures,
    "alerts": alerts.figures,
    "messages": messages.figures,
    "crowd": crowd.figures,
    "busy": busy.figures,
    "heatmap": heatmap.figures,
    "journal": journal.figures,
    "memory": memory.figures,
    "startup": startup.figures,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures of every round to FILE")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS), metavar="GROUP", help=str([*GROUPS]))
    arguments = parser.parse_args()
    found: list[Figure] = []
    for name in arguments.only:
        began = perf_counter()
        found += GROUPS[name](Scale())
        print(f"{name}: {perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    print(table(found))
    if arguments.json:
        write_json(found, arguments.json)
    return 1 if any(figure.verdict == "missed" for figure in found) else 0


if __name__ == "__main__":
    sys.exit(main())
