"""Drives the daemon through every fault, and shows what was lost, what came again, and how long it took.

python -m tests.faults [--short] [--only WORDS ...] [--jobs N] [--markdown] [--json FILE] [--with FILE] [--readme]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from liqalert.clock import SystemClock
from tests.faults.case import Case, Result, run_case
from tests.faults.cases import CASES
from tests.faults.report import read_json, table, write_json, write_readme

README = Path(__file__).parents[2] / "README.md"
JOBS = 8
STARTING = 2


async def run_cases(cases: Sequence[Case], jobs: int) -> list[Result]:
    """Their results, in their order. So many at once: most of the time a daemon only waits."""
    places, starting = asyncio.Semaphore(jobs), asyncio.Semaphore(STARTING)

    async def run(case: Case) -> Result:
        async with places:
            began = time.monotonic()
            result = await run_case(case, starting)
            state = "; ".join(result.breaches) or "ok"
            print(f"{case.name} ({time.monotonic() - began:.0f} s): {state}", file=sys.stderr, flush=True)
            return result

    return list(await asyncio.gather(*map(run, cases)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="only the cases that every change has to pass")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORDS", help="cases whose name has one of these")
    parser.add_argument("--jobs", type=int, default=JOBS, metavar="N", help=f"cases at once (default {JOBS})")
    parser.add_argument("--markdown", action="store_true", help="the table as Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything measured to FILE")
    parser.add_argument("--with", dest="earlier", type=Path, metavar="FILE", help="add the cases that only FILE has")
    parser.add_argument("--readme", action="store_true", help="also put the table into README.md")
    asked = parser.parse_args()
    cases = [case for case in CASES if (case.short or not asked.short) and _named(case, asked.only)]
    found = {result.case.name: result for result in asyncio.run(run_cases(cases, asked.jobs))}
    if asked.earlier:
        found = read_json(asked.earlier, CASES) | found
    results = [found[case.name] for case in CASES if case.name in found]
    print(table(results, markdown=asked.markdown))
    if asked.json:
        write_json(results, asked.json)
    if asked.readme:
        write_readme(results, README, made=_made(len(results)))
    return 1 if any(result.breaches for result in results) else 0


def _named(case: Case, words: Sequence[str]) -> bool:
    return not words or any(word in case.name for word in words)


def _made(count: int) -> str:
    today = datetime.fromtimestamp(SystemClock().now(), UTC).date()
    busy = f"{os.cpu_count()} processors at a load of {os.getloadavg()[2]:.0f}"
    return f"Measured on {today} by `make faults`: {count} cases, on {busy}."


if __name__ == "__main__":
    sys.exit(main())
