"""From what a person types to an instrument: BTCUSDT, btc, BTC/USDT, BTC/USDT:USDT."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from difflib import SequenceMatcher

from liqalert.core.market import Instrument

QUOTES = ("USDT", "USDC", "USD1", "FDUSD", "BUSD", "USD")
"""What a bare coin is taken to be quoted in, best first."""

MULTIPLIERS = ("", "1000", "1000000", "1M")
"""Binance lists cheap coins by the thousand or million: pepe is 1000PEPEUSDT."""
COUNTS = {"1000000": 1_000_000, "1000": 1_000, "1M": 1_000_000}
"""How many coins each stands for, the longest first."""

LONGEST = 40
"""Nothing longer is a symbol. Bounds the cost of a hostile message."""

LIKE_ENOUGH = 0.5
"""How like what was typed a name must be to be named."""

UNIFIED = re.compile(r"(?P<base>\w+)/(?P<quote>\w+)(?::(?P<settle>\w+)(?:-(?P<expiry>\d+))?)?")
PLAIN = re.compile(r"\w+")


def find(text: str, known: Collection[Instrument]) -> Instrument | None:
    """The instrument among `known` that `text` means, None when there is none.

    The exchange's own symbol wins, in any case; then BASE/QUOTE[:SETTLE]; then a bare coin, in USDT before USDC. Dated
    and coin-margined contracts are never meant by a bare coin. Of one symbol on several exchanges, the first by name.
    """
    by_symbol = _by_symbol(known)
    for symbol in _spellings(_folded(text)):
        if symbol in by_symbol:
            return by_symbol[symbol]
    return None


def canonical(text: str) -> str | None:
    """The symbol `text` most likely means while no instrument is known yet; None when it cannot be a symbol."""
    folded = _folded(text)
    if unified := UNIFIED.fullmatch(folded):
        return next(_from_unified(unified))
    if not PLAIN.fullmatch(folded):
        return None
    return folded if _names_its_quote(folded) else f"{folded}USDT"


def coins_priced(symbol: str) -> int:
    """Of how many coins a price of `symbol` is: 1,000 of 1000PEPEUSDT, 1 of nearly all."""
    return next((count for multiplier, count in COUNTS.items() if symbol.startswith(multiplier)), 1)


def nearest(text: str, known: Collection[Instrument], limit: int = 3) -> tuple[Instrument, ...]:
    """The instruments whose symbols look most like `text`, best first, one per coin; those unlike it are left out."""
    folded = _folded(text)
    wanted = _coin(UNIFIED.sub(r"\g<base>", folded))
    best: dict[str, tuple[float, Instrument]] = {}
    for instrument in sorted(known, key=_preference):
        coin = _coin(_folded(instrument.symbol))
        likeness = _likeness(wanted, coin)
        if likeness >= LIKE_ENOUGH and coin not in best:
            best[coin] = (likeness, instrument)
    ranked = sorted(best.values(), key=lambda scored: (-scored[0], scored[1]))
    return tuple(instrument for _, instrument in ranked[:limit])


def _folded(text: str) -> str:
    """One form for what looks the same: upper case, compatibility forms (full-width letters) made plain."""
    return unicodedata.normalize("NFKC", text[:LONGEST]).strip().upper()


def _by_symbol(known: Collection[Instrument]) -> dict[str, Instrument]:
    found: dict[str, Instrument] = {}
    for instrument in sorted(known):
        found.setdefault(_folded(instrument.symbol), instrument)
    return found


def _spellings(folded: str) -> Iterator[str]:
    """The symbols that `folded` may stand for, best first."""
    yield folded
    if unified := UNIFIED.fullmatch(folded):
        yield from _from_unified(unified)
    elif PLAIN.fullmatch(folded):
        for quote in QUOTES:
            for multiplier in MULTIPLIERS:
                yield f"{multiplier}{folded}{quote}"
        # PEPEUSDT, without the thousand that Binance puts before it.
        for multiplier in MULTIPLIERS:
            yield f"{multiplier}{folded}"


def _from_unified(unified: re.Match[str]) -> Iterator[str]:
    """BASE/QUOTE:SETTLE-EXPIRY as Binance writes it: settled in the base coin means the COIN-M perpetual."""
    base, quote, settle, expiry = unified["base"], unified["quote"], unified["settle"], unified["expiry"]
    ending = f"_{expiry}" if expiry else "_PERP" if settle == base else ""
    for multiplier in MULTIPLIERS:
        yield f"{multiplier}{base}{quote}{ending}"


def _names_its_quote(folded: str) -> bool:
    return "_" in folded or any(folded.endswith(quote) and folded != quote for quote in QUOTES)


def _coin(folded: str) -> str:
    """BTC of BTCUSDT, BTCUSD_PERP or BTC itself; PEPE of 1000PEPEUSDT."""
    name = folded.split("_")[0]
    for quote in QUOTES:
        if name.endswith(quote) and name != quote:
            name = name.removesuffix(quote)
            break
    for multiplier in reversed(MULTIPLIERS):
        if multiplier and name.startswith(multiplier) and name != multiplier:
            return name.removeprefix(multiplier)
    return name


def _preference(instrument: Instrument) -> tuple[int, str, str]:
    """Perpetuals before dated and coin-margined contracts, USDT before USDC."""
    symbol = _folded(instrument.symbol)
    ranks = (rank for rank, quote in enumerate(QUOTES) if symbol.endswith(quote))
    return (next(ranks, len(QUOTES)), instrument.exchange, symbol)


def _likeness(wanted: str, coin: str) -> float:
    """1 for the same coin, 0 for nothing in common; the beginning of a name counts as much like it."""
    if wanted and coin.startswith(wanted):
        return 0.9 + 0.1 * len(wanted) / len(coin)
    # Of hundreds of names few have enough signs in common to be like it, and all else takes a hundred times as long.
    shared = min(len(wanted), sum(sign in wanted for sign in coin))
    if 2.0 * shared < LIKE_ENOUGH * (len(wanted) + len(coin)):
        return 0.0
    return SequenceMatcher(None, wanted, coin, autojunk=False).ratio()
