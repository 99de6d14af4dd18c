"""`liqalert record` and `liqalert replay`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from liqalert.cli.options import CommandFailed, Commands, add_command, configure_logs, settings_of


def add_commands(commands: Commands) -> None:
    record = add_command(
        commands,
        "record",
        _record,
        summary="keep what the exchange sends, with receive times, until it is stopped",
        examples="""\
  liqalert record -o recordings                 # one compressed file an hour
""",
    )
    record.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="created if missing; takes about 2 GB a day"
    )
    replay = add_command(
        commands,
        "replay",
        _replay,
        summary="run recordings through the same code as the daemon and print each alert; nothing is sent",
        examples="""\
  liqalert replay recordings                   # as fast as possible
  liqalert replay recordings --speed 60        # an hour in a minute
  liqalert replay liquidations.jsonl.gz --open-interest BTCUSDT=9e9 --min-strength 0.3 --distance 0.5 --rearm 0.7
  liqalert replay recordings --json            # one line per decision, a summary at the end
""",
    )
    _add_replay_options(replay)


def _add_replay_options(replay: argparse.ArgumentParser) -> None:
    replay.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="a recording, a directory of them, or exchange messages one a line",
    )
    replay.add_argument("--speed", type=_speed, default=None, metavar="N|max", help="times real time (default: max)")
    replay.add_argument("--json", action="store_true", help="one JSON object a line")
    replay.add_argument(
        "--open-interest",
        type=open_interest_of,
        action="append",
        default=[],
        metavar="SYMBOL=USD",
        help="assumed from the start, in place of what the files hold then; may be given several times",
    )
    replay.add_argument("--min-strength", metavar="X", help="alerts.min_strength for this run")
    replay.add_argument("--distance", type=percent_of, metavar="X", help="alerts.distance_pct for this run")
    replay.add_argument("--rearm", type=percent_of, metavar="X", help="alerts.rearm_pct for this run")
    replay.add_argument("--symbols", metavar="A,B", help="binance.symbols for this run")


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed: give a number above 0, or max")
    return speed


def open_interest_of(text: str) -> tuple[str, float]:
    from liqalert.core.symbols import canonical

    symbol_text, _, usd_text = text.partition("=")
    symbol = canonical(symbol_text)
    try:
        usd = float(usd_text)
    except ValueError:
        usd = math.nan
    if symbol is None or not 0 < usd < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no open interest: give it like BTCUSDT=9e9, in US dollars")
    return symbol, usd


def percent_of(text: str) -> str:
    """Left as text: the settings judge it, so that a mistake gets the same sentence everywhere."""
    return text.strip().removesuffix("%").strip()


def _record(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    configure_logs(settings)
    from liqalert.app.record import record

    return record(settings, args.output)


def _replay(args: argparse.Namespace) -> int:
    for path in args.files:
        if not path.exists():
            raise CommandFailed(f"{path} does not exist: give recordings, or files of exchange messages", exit_code=2)
    asked = {
        "alerts.min_strength": args.min_strength,
        "alerts.distance_pct": args.distance,
        "alerts.rearm_pct": args.rearm,
        "binance.symbols": args.symbols,
    }
    overrides = {name: value for name, value in asked.items() if value is not None}
    settings = settings_of(args, overrides)
    configure_logs(settings)
    from liqalert.app.replay import ReplayOptions, replay
    from liqalert.feeds.records import UnreadableRecords

    options = ReplayOptions(
        paths=tuple(args.files),
        speed=args.speed,
        as_json=args.json,
        open_interest=dict(args.open_interest),
        settings=settings,
        overridden=bool(overrides),
    )
    try:
        return replay(options)
    except UnreadableRecords as exc:
        raise CommandFailed(str(exc), exit_code=2) from None
