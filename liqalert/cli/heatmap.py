"""`liqalert heatmap`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from liqalert.cli.options import CommandFailed, Commands, add_command, readable, settings_of, storage_errors

if TYPE_CHECKING:
    from liqalert.settings import Settings

_RANGES = ("1h", "4h", "12h", "24h", "3d", "7d")


def add_commands(commands: Commands) -> None:
    parser = add_command(
        commands,
        "heatmap",
        _heatmap,
        summary="draw where liquidations stand, over time and price: the picture the bot sends",
        examples="""\
  liqalert heatmap BTCUSDT -o btc.png           # the last 24 hours
  liqalert heatmap ETH -o eth.png --range 7d
""",
    )
    parser.add_argument("symbol", type=readable, metavar="SYMBOL", help="BTCUSDT; btc or BTC/USDT will do")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.png")
    parser.add_argument("--range", choices=_RANGES, default="24h", metavar="RANGE", help=f"{', '.join(_RANGES)} (24h)")


def _heatmap(args: argparse.Namespace) -> int:
    from urllib.parse import quote

    from liqalert.cli.client import DaemonClient, NotRunning

    settings = settings_of(args)
    path = f"/api/v1/heatmap/{quote(args.symbol, safe='')}.png?range={args.range}"
    try:
        png = DaemonClient.of(settings).get(path)
    except NotRunning as exc:
        print(f"liqalert: {exc}: this is what the database holds", file=sys.stderr)
        png = _from_database(settings, args.symbol, args.range)
    try:
        args.output.write_bytes(png)
    except OSError as exc:
        raise CommandFailed(f"{args.output} cannot be written: {exc.strerror}") from None
    print(f"{args.output}: {args.symbol}, {args.range}")
    return 0


def _from_database(settings: Settings, symbol: str, range_name: str) -> bytes:
    import asyncio

    from liqalert.cli.stored import heatmap_png_of
    from liqalert.core.symbols import canonical

    name = canonical(symbol)
    if name is None:
        raise CommandFailed(f"{symbol!r} is no symbol: give one like BTCUSDT or BTC", exit_code=2)
    with storage_errors():
        return asyncio.run(heatmap_png_of(settings, name, range_name))
