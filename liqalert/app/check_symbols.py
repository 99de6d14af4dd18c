"""What `liqalert check --online` asks of the watched symbols: does Binance list them, and for how long?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import aiohttp

from liqalert.app.check import Finding, fine, problem
from liqalert.app.start import watched_symbols
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.symbols import nearest
from liqalert.feeds.binance_listings import Listing, ending, read_listings
from liqalert.feeds.binance_rest import BinanceRest, RestError
from liqalert.settings import Settings

SUBJECT = "binance.symbols"


async def check_symbols(
    settings: Settings, session: aiohttp.ClientSession, now: UnixTime, timeout_s: float
) -> AsyncIterator[Finding]:
    """A finding for each symbol of which nothing is to come, or one that all are well. COIN-M is asked only if need be.

    Where a list cannot be read, nothing is said of symbols that the other one lacks.
    """
    binance = settings.binance
    rest = BinanceRest(session, rest_url=binance.rest_url, coin_rest_url=binance.coin_rest_url, timeout_s=timeout_s)
    symbols = watched_symbols(settings)
    listings: dict[str, Listing] = {}
    for key, ask in (("rest_url", rest.exchange_info), ("coin_rest_url", rest.coin_exchange_info)):
        if all(symbol in listings for symbol in symbols):
            break
        try:
            found = read_listings(await ask())
        except RestError as exc:
            yield problem(f"binance.{key}", str(exc))
            return
        if not found:
            yield problem(f"binance.{key}", "answers, but not with a list of instruments: check the address")
            return
        listings |= found
    troubles = [trouble for symbol in symbols if (trouble := _trouble(symbol, listings, now))]
    for trouble in troubles:
        yield problem(SUBJECT, trouble)
    if not troubles:
        yield fine(SUBJECT, "Binance lists each of them")


def _trouble(symbol: str, listings: Mapping[str, Listing], now: UnixTime) -> str | None:
    """Why nothing is to come of `symbol`; None while it trades."""
    if symbol in listings:
        said = ending(symbol, listings[symbol], now)
        return said and said.rstrip(".")
    near = nearest(symbol, [Instrument(BINANCE, listed) for listed in listings])
    names = " or ".join(instrument.symbol for instrument in near)
    remedy = f"did you mean {names}?" if names else "write it as Binance does, like BTCUSDT"
    return f"Binance does not list {symbol}: {remedy}"
