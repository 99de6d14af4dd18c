"""`make soak`: a flood, and a simulated day. Prints what it measured; exit 1 when something is above its limit."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak.day import live
from tests.soak.flood import HIGHEST_RECORDED_S, flood_daemon
from tests.soak.report import Measure, day_measures, flood_measures, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--only", choices=("flood", "day"), help="one of the two; both by default")
    parser.add_argument("--flood-seconds", type=float, default=180.0, help="how long the flood lasts")
    parser.add_argument("--times", type=float, default=100.0, help="times the highest rate ever recorded, 64 a second")
    parser.add_argument(
        "--day-hours", type=float, default=72.0, help="how much is simulated: what is kept longest is kept for 48"
    )
    parser.add_argument("--day-speed", type=float, default=600.0, help="simulated seconds in one second")
    options = parser.parse_args()

    # A machine that is too busy for the speed is no matter of this; what must be looked at is.
    logging.basicConfig(level=logging.ERROR)
    measures: list[Measure] = []
    if options.only != "day":
        measures += _flood(options.times * HIGHEST_RECORDED_S, options.flood_seconds)
    if options.only != "flood":
        measures += _day(options.day_hours, options.day_speed)
    print(table(measures))
    return 1 if any(measure.breached for measure in measures) else 0


def _flood(rate_s: float, seconds: float) -> list[Measure]:
    print(f"{rate_s:,.0f} liquidations a second for {seconds:g} s ...", file=sys.stderr)
    with TemporaryDirectory(prefix="liqalert-soak-") as directory:
        return list(flood_measures(asyncio.run(flood_daemon(rate_s, seconds, Path(directory)))))


def _day(hours: float, speed: float) -> list[Measure]:
    print(f"{hours:g} simulated hours in {hours * 3600 / speed:.0f} s ...", file=sys.stderr)
    with TemporaryDirectory(prefix="liqalert-soak-") as directory:
        lived = live(Path(directory), seconds=hours * 3600 / speed, speed=speed)
    for refusal in lived.refused:
        print(f"not answered: {refusal}", file=sys.stderr)
    return list(day_measures(lived))


if __name__ == "__main__":
    sys.exit(main())
