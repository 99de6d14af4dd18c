"""The command line: one file per command group; each parses, calls, prints and returns an exit code.

0 is fine, 1 found a problem, 2 is wrong usage or a mistake in the settings. Heavy modules are imported by the command
that needs them, so that `--help` and a slip of the keyboard are answered at once.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Sequence

from liqalert import __version__
from liqalert.cli import alert, answers, backtest, database, demo, heatmap, recordings, service, setup, simulate
from liqalert.cli.options import CommandFailed, Parser

_HELP = """\
Live liquidation clusters of crypto futures, and an alert when price nears a strong one.

  liqalert demo                          # what would it look like? a simulated market, no account, no network
  liqalert init                          # my bot's token, and the phone that is to be told
  liqalert check --online                # is everything in place? changes nothing
  liqalert run                           # watch the market and send alerts
  liqalert alert test                    # does an alert reach my phone?
  liqalert pair                          # another phone, or a group
  liqalert clusters BTCUSDT              # where have positions been liquidated?
  liqalert alerts                        # what was I told lately, and how did it turn out?
  liqalert why ALERT_ID                  # why was I told that?
  liqalert heatmap BTCUSDT -o btc.png    # over time and price, as a picture
  liqalert record -o recordings          # keep what the exchange sends
  liqalert replay recordings             # which alerts would that have given?
  liqalert backtest --symbol BTC         # and other thresholds?
  liqalert db backup liqalert-backup.db  # a copy of the database, also while it runs
  liqalert simulate                      # a simulated exchange, to try any client of Binance on
"""

_OUTPUT_FAILS = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""What a command that prints can be told. Files have a name in their errors."""

_EXIT_CODES = "Exit code: 0 fine, 1 a problem was found, 2 wrong usage or a mistake in the settings."


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line. A parsed command carries its function in `run`."""
    parser = Parser(
        prog="liqalert",
        usage="liqalert COMMAND [options]",
        description=_HELP,
        epilog=f"`liqalert COMMAND --help` explains one command with examples.\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"liqalert {__version__}")
    commands = parser.add_subparsers(prog="liqalert", title="commands", metavar="COMMAND", required=True)
    for group in (demo, setup, service, recordings, backtest, answers, heatmap, alert, database, simulate):
        group.add_commands(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code. Mistakes are one sentence on stderr."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if sys.stdout is None:
        print("liqalert: there is no standard output: send it to a file, or to /dev/null", file=sys.stderr)
        return 1
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What a terminal that is not UTF-8 cannot show must not end the command.
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = build_parser()
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    try:
        exit_code = _run(parser, arguments)
        sys.stdout.flush()  # here, where an output that fails can still be dealt with
    except PermissionError as exc:
        if exc.filename is None:
            raise
        print(f"liqalert: {exc.filename}: {exc.strerror}: run this as the owner of its directory", file=sys.stderr)
        return 1
    except OSError as exc:
        if exc.filename is not None or exc.errno not in _OUTPUT_FAILS:
            raise
        return _output_failed(exc)
    except KeyboardInterrupt:
        return 130
    return exit_code


def _output_failed(error: OSError) -> int:
    # What still waits to be written would fail again when the interpreter ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):  # the reader has seen enough, as in `liqalert alerts | head`
        return 0
    print(f"liqalert: the output cannot be written: {error.strerror}", file=sys.stderr)
    return 1


def _run(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    try:
        args = parser.parse_args(arguments)
        exit_code: int = args.run(args)
    except SystemExit as ended:  # argparse ends so after --help and after wrong usage
        return int(ended.code or 0)
    except CommandFailed as failed:
        print(f"liqalert: {failed}", file=sys.stderr)
        return failed.exit_code
    return exit_code
