"""`liqalert demo`."""

from __future__ import annotations

import argparse
import math

from liqalert.cli.options import CommandFailed, Commands, add_command, port

FASTEST = 1000.0
"""Beyond that one processor does not keep up with so many simulated seconds."""


def add_commands(commands: Commands) -> None:
    demo = add_command(
        commands,
        "demo",
        _demo,
        reads_settings=False,
        summary="see it work on a simulated market: no account, no network",
        examples="""\
  liqalert demo                                 # until Ctrl-C, half a simulated minute each second
  liqalert demo --for 60                        # one minute, then a summary
  liqalert demo --speed 10 --port 9000
""",
    )
    demo.add_argument("--speed", type=_speed, default=30.0, metavar="N", help="simulated seconds in a second (30)")
    demo.add_argument("--for", type=_positive, default=None, dest="seconds", metavar="SECONDS", help="end after that")
    demo.add_argument("--port", type=port, default=None, metavar="P", help="of the page (8787, or a free one)")
    demo.add_argument("--seed", type=int, default=None, metavar="N", help="another seed, another market")


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not possible: give a number above 0")
    return number


def _speed(text: str) -> float:
    speed = _positive(text)
    if speed > FASTEST:
        raise argparse.ArgumentTypeError(f"{text!r} is too fast for the demo: give at most {FASTEST:g}")
    return speed


def _demo(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from liqalert import logs
    from liqalert.app.demo import DemoOptions, demo
    from liqalert.app.simulate import AddressTaken

    # Only what is wrong: the terminal belongs to the alerts.
    logs.configure("error", "text", ())
    options = DemoOptions(args.speed, args.seconds, args.port)
    try:
        return demo(options if args.seed is None else replace(options, seed=args.seed))
    except AddressTaken as exc:
        raise CommandFailed(str(exc)) from None
