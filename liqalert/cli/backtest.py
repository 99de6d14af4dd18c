"""`liqalert backtest`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from liqalert.cli.options import CommandFailed, Commands, add_command, configure_logs, settings_of, storage_errors
from liqalert.cli.recordings import open_interest_of, percent_of


def add_commands(commands: Commands) -> None:
    parser = add_command(
        commands,
        "backtest",
        _backtest,
        summary="show which alerts other thresholds would have given, and how they would have turned out",
        examples="""\
  liqalert backtest --symbol BTC                              # over the last 7 days of the database
  liqalert backtest recordings --symbol BTC --distance 1% --strength 0.6
  liqalert backtest --days 30 --symbol BTC --symbol ETH --plot backtest.png
""",
    )
    parser.add_argument(
        "files",
        type=Path,
        nargs="*",
        metavar="FILE",
        help="recordings, or exchange messages one a line (default: the database)",
    )
    parser.add_argument(
        "--symbol", action="append", default=[], metavar="SYMBOL", help="one instrument (default: binance.symbols)"
    )
    parser.add_argument("--distance", type=percent_of, metavar="X", help="in per cent; half and double are shown too")
    parser.add_argument("--strength", metavar="X", help="0.3 to below 1; a tenth less and more are shown too")
    parser.add_argument("--days", type=_days, default=7.0, metavar="N", help="of the database, back from now (7)")
    parser.add_argument(
        "--open-interest",
        type=open_interest_of,
        action="append",
        default=[],
        metavar="SYMBOL=USD",
        help="of FILES that do not hold it; may be given several times",
    )
    parser.add_argument("--json", action="store_true", help="for a program")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="also draw the shares")


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = math.nan
    if not 0 < days <= 3650:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days: give one above 0")
    return days


def _backtest(args: argparse.Namespace) -> int:
    for path in args.files:
        if not path.exists():
            raise CommandFailed(f"{path} does not exist: give recordings, or files of exchange messages", exit_code=2)
    overrides = {"alerts.distance_pct": args.distance, "alerts.min_strength": args.strength}
    if args.distance is not None:
        overrides["alerts.rearm_pct"] = _rearm(args)
    settings = settings_of(args, {name: value for name, value in overrides.items() if value is not None})
    configure_logs(settings)
    from liqalert.app.backtest.run import BacktestOptions, backtest
    from liqalert.app.start import watched_symbols
    from liqalert.feeds.records import UnreadableRecords

    options = BacktestOptions(
        paths=tuple(args.files),
        symbols=_symbols(args.symbol) or watched_symbols(settings),
        distance_pct=settings.alerts.distance_pct,
        min_strength=settings.alerts.min_strength,
        days=args.days,
        as_json=args.json,
        plot=args.plot,
        open_interest=dict(args.open_interest),
        settings=settings,
    )
    try:
        with storage_errors():
            return backtest(options)
    except UnreadableRecords as exc:
        raise CommandFailed(str(exc), exit_code=2) from None
    except OSError as exc:
        if exc.filename != str(args.plot):
            raise
        raise CommandFailed(f"{args.plot} cannot be written: {exc.strerror}") from None


def _rearm(args: argparse.Namespace) -> str | None:
    """The re-arm distance grows with the distance, as it does for a rule. A mistake is left to the settings."""
    base = settings_of(args)
    try:
        distance = float(args.distance)
    except ValueError:
        return None
    return f"{distance * base.alerts.rearm_pct / base.alerts.distance_pct:.12g}"


def _symbols(asked: list[str]) -> tuple[str, ...]:
    from liqalert.core.symbols import canonical

    found = []
    for text in asked:
        symbol = canonical(text)
        if symbol is None:
            raise CommandFailed(f"{text!r} is no symbol: give one like BTCUSDT or BTC", exit_code=2)
        found.append(symbol)
    return tuple(dict.fromkeys(found))
