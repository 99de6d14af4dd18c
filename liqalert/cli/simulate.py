"""`liqalert simulate`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from liqalert.cli.options import CommandFailed, Commands, add_command, port
from liqalert.sim import DEFAULT_SEED

DEFAULT_PORT = 9797


def add_commands(commands: Commands) -> None:
    simulate = add_command(
        commands,
        "simulate",
        _simulate,
        reads_settings=False,
        summary="serve a simulated market, or a recording, as Binance would: point any Binance client at it",
        examples="""\
  liqalert simulate                             # prints the addresses, and what to set
  liqalert simulate --port 9100 --seed 7        # another market, the same each time but for its dates
  liqalert simulate --recording recordings      # what `liqalert record` kept, at its own pace
  liqalert simulate --speed 60                  # an hour in a minute: its client needs such a clock
  liqalert simulate --faults                    # faults by HTTP: drop, stall, 451 and more
""",
    )
    simulate.add_argument("--port", type=port, default=DEFAULT_PORT, metavar="P", help="on 127.0.0.1; 0: any free one")
    simulate.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help=f"(default: {DEFAULT_SEED})")
    simulate.add_argument("--speed", type=_speed, default=1.0, metavar="N", help="times real time (default: 1)")
    simulate.add_argument(
        "--recording",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a recording, a directory of them, or exchange messages one a line; may be given several times",
    )
    simulate.add_argument("--faults", action="store_true", help="accept POST /control/faults")


def _speed(text: str) -> float:
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed: give a number above 0")
    return speed


def _simulate(args: argparse.Namespace) -> int:
    for path in args.recording:
        if not path.exists():
            raise CommandFailed(f"{path} does not exist: give recordings, or files of exchange messages", exit_code=2)
    from liqalert.app.simulate import AddressTaken, NothingRecorded, simulate

    try:
        return simulate(port=args.port, seed=args.seed, speed=args.speed, recordings=args.recording, faults=args.faults)
    except (AddressTaken, NothingRecorded) as exc:
        raise CommandFailed(str(exc)) from None
