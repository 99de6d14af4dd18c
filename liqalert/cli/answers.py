"""`liqalert clusters`, `alerts` and `why`: the running daemon is asked, or the database if none runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Coroutine

from liqalert.cli.options import Commands, add_command, readable, settings_of, storage_errors

_SHOWN_ALERTS = 50


def add_commands(commands: Commands) -> None:
    clusters = add_command(
        commands,
        "clusters",
        _clusters,
        summary="show where positions have been liquidated, nearest to the mark first",
        examples="""\
  liqalert clusters                             # every instrument
  liqalert clusters BTCUSDT                     # one instrument; btc or BTC/USDT will do
  liqalert clusters BTCUSDT --json              # for a program
""",
    )
    clusters.add_argument("symbol", type=readable, nargs="?", metavar="SYMBOL", help="one instrument (default: all)")
    alerts = add_command(
        commands,
        "alerts",
        _alerts,
        summary="show the latest alerts, newest first, and how each turned out",
        examples="""\
  liqalert alerts                               # the newest 50
  liqalert alerts --json                        # for a program
""",
    )
    for parser in (clusters, alerts):
        parser.add_argument("--json", action="store_true", help="what the HTTP interface answers")
    why = add_command(
        commands,
        "why",
        _why,
        summary="show what led to an alert and what came of it",
        examples="""\
  liqalert why ALERT_ID                         # every alert ends with its id
""",
    )
    why.add_argument("alert_id", type=readable, metavar="ALERT_ID", help="as the alert and `liqalert alerts` show it")


def _clusters(args: argparse.Namespace) -> int:
    from urllib.parse import quote

    from liqalert.cli import tables
    from liqalert.cli.client import DaemonClient, NotRunning

    settings = settings_of(args)
    path = "/api/v1/clusters" + (f"/{quote(args.symbol, safe='')}" if args.symbol else "")
    try:
        body = DaemonClient.of(settings).get(path)
    except NotRunning as exc:
        _say(f"{exc}: these are the zones in the database; clusters live in the daemon only")
        from liqalert.cli.stored import zones_json

        body = _from_database(zones_json(settings, args.symbol))
    answer = tables.decoded(body, tables.ClustersAnswer)
    print(body.decode() if args.json else tables.clusters_text(answer))
    return 0


def _alerts(args: argparse.Namespace) -> int:
    from liqalert.cli import tables
    from liqalert.cli.client import DaemonClient, NotRunning

    settings = settings_of(args)
    try:
        body = DaemonClient.of(settings).get(f"/api/v1/alerts?limit={_SHOWN_ALERTS}")
    except NotRunning as exc:
        _say(f"{exc}: this is what the database holds")
        from liqalert.cli.stored import alerts_json

        body = _from_database(alerts_json(settings.database.url, _SHOWN_ALERTS))
    answer = tables.decoded(body, tables.AlertsAnswer)
    print(body.decode() if args.json else tables.alerts_text(answer))
    return 0


def _why(args: argparse.Namespace) -> int:
    from urllib.parse import quote

    from liqalert.cli import tables
    from liqalert.cli.client import DaemonClient, NotRunning

    settings = settings_of(args)
    try:
        body = DaemonClient.of(settings).get(f"/api/v1/alerts/{quote(args.alert_id, safe='')}")
    except NotRunning as exc:
        _say(f"{exc}: this is what the database holds")
        from liqalert.cli.stored import why_json

        body = _from_database(why_json(settings, args.alert_id))
    print(tables.why_text(tables.decoded(body, tables.Alert)))
    return 0


def _from_database(read: Coroutine[None, None, bytes]) -> bytes:
    """What `read` finds in the database. StorageError becomes CommandFailed."""
    import asyncio

    with storage_errors():
        return asyncio.run(read)


def _say(note: str) -> None:
    """On stderr, so that --json stays clean."""
    print(f"liqalert: {note}", file=sys.stderr)
