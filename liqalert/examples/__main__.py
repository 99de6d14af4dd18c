"""`python -m liqalert.examples`."""

from __future__ import annotations

import argparse
import sys

from liqalert.examples import several_symbols, standalone, trading_loop, with_hunter
from liqalert.library.errors import NotLiveError, UnknownSymbolError

EXAMPLES = {
    "standalone": standalone,
    "with_hunter": with_hunter,
    "several_symbols": several_symbols,
    "trading_loop": trading_loop,
}
EPILOG = """\
examples:
  python -m liqalert.examples                                   # clusters of BTCUSDT, every five seconds
  python -m liqalert.examples with_hunter --symbol ETH/USDT     # the level ahead, and in which direction
  python -m liqalert.examples several_symbols --for 60          # every contract, by callbacks
  python -m liqalert.examples trading_loop                      # inside an asyncio loop

They listen to Binance. For a simulated market run `liqalert simulate` beside it and set what it prints.
"""


def main(arguments: list[str] | None = None) -> int:
    """0; 1 when the feed was not proven alive in time, or knows no such symbol."""
    parser = argparse.ArgumentParser(
        prog="python -m liqalert.examples",
        description="\n".join(f"{name:16} {module.__doc__}".splitlines()[0] for name, module in EXAMPLES.items()),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("example", nargs="?", choices=EXAMPLES, default="standalone", help="(default: standalone)")
    parser.add_argument("--symbol", default="BTCUSDT", help="in any spelling (default: BTCUSDT)")
    parser.add_argument("--for", dest="seconds", type=float, default=30.0, metavar="SECONDS", help="(default: 30)")
    asked = parser.parse_args(arguments)
    try:
        EXAMPLES[asked.example].run(asked.symbol, asked.seconds)
    except (NotLiveError, UnknownSymbolError) as exc:
        print(exc, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
