"""`liqalert run` and `liqalert check`."""

from __future__ import annotations

import argparse
import gc
import os
from typing import TYPE_CHECKING

from liqalert.cli.options import Commands, add_command, configure_logs, settings_of

if TYPE_CHECKING:
    from liqalert.settings import Settings


def add_commands(commands: Commands) -> None:
    add_command(
        commands,
        "run",
        _run,
        summary="watch the market and send alerts, until it is stopped",
        examples="""\
  liqalert run                                  # settings from the usual places and LIQALERT_* variables
  liqalert run --config /etc/liqalert/settings.toml
""",
    )
    check = add_command(
        commands,
        "check",
        _check,
        summary="say whether settings and database are in order; changes nothing",
        examples="""\
  liqalert check                                # settings and database only; nothing leaves this machine
  liqalert check --online                       # also the exchange, this machine's clock and Telegram
""",
    )
    check.add_argument(
        "--online",
        action="store_true",
        help="also DNS, TLS, symbols, a frame within 10 s, clock, geo-block, Telegram token",
    )


def _run(args: argparse.Namespace) -> int:
    settings = settings_of(args, serves=True)
    configure_logs(settings)
    # What is imported stays: to look through it again and again meanwhile is a tenth of the time that it takes.
    gc.disable()
    from liqalert.app.lifecycle import run_daemon

    gc.enable()
    return run_daemon(settings)


def _check(args: argparse.Namespace) -> int:
    import asyncio

    settings = settings_of(args)
    print(f"ok       settings: {_source(args)}")
    return asyncio.run(_print_findings(settings, online=args.online))


def _source(args: argparse.Namespace) -> str:
    from liqalert.settings import config_path

    path = config_path(args.config, os.environ)
    return f"read from {path} and the environment" if path else "no file; defaults and the environment"


async def _print_findings(settings: Settings, *, online: bool) -> int:
    """Each finding on a line as it is made; 1 if any is a problem."""
    from liqalert.app.check import check
    from liqalert.app.check_online import check_online
    from liqalert.clock import SystemClock

    problems = 0
    for findings in (check(settings), check_online(settings, SystemClock())) if online else (check(settings),):
        async for finding in findings:
            problems += not finding.ok
            print(f"{'ok' if finding.ok else 'problem':<8} {finding.subject}: {finding.text}", flush=True)
    return 1 if problems else 0
