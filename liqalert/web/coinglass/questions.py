"""What a request asks for, parameter by parameter. Unknown parameters are ignored, as the original does."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from liqalert.core.market import Instrument, PositionSide, UnixTime
from liqalert.core.symbols import find, nearest
from liqalert.web.answers import ApiError, shown
from liqalert.web.coinglass.intervals import INTERVALS, Interval
from liqalert.web.coinglass.names import coin_of, exchange_name

HEATMAP_RANGES = ("12h", "24h", "3d", "7d")
"""Of theirs, those that are served: the longer ones would show nothing that still stands."""
MAP_RANGES = {"1d": "24h", "7d": "7d"}
TOTAL_RANGES = {"1h": 3600.0, "4h": 14_400.0, "12h": 43_200.0, "24h": 86_400.0}
MAP_SHAPES = ("object", "list")
BOTH = "both"
ROWS = 1000
MOST_ROWS = 4500
"""Of an older page of their documentation; clients written then ask for as many."""

_WHOLE = re.compile(r"[0-9]{1,14}")
_SECONDS = range(10**9, 10**11)
"""A number of milliseconds in this range would lie before 1974: it was meant as seconds."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request. Every method raises ApiError 400 for a parameter that is missing or cannot be used."""

    query: Mapping[str, str]
    known: frozenset[Instrument]
    """Every instrument there is."""
    now: UnixTime

    def every_exchange(self) -> list[str]:
        return sorted({each.exchange for each in self.known})

    def exchange(self) -> str:
        """Of `exchange`, or of `ex` as one client spells it."""
        text = self.query.get("exchange") or self.query.get("ex") or self._required("exchange")
        found = self._exchange_named(text)
        if found is None:
            raise ApiError(400, f"exchange is {shown(text)!r}, which is not watched.", allowed=self._exchange_names())
        return found

    def exchanges(self) -> tuple[str, ...]:
        """Those of `exchange_list` that are watched: clients ask for all they know."""
        text = self._required("exchange_list")
        found = {self._exchange_named(name) for name in text.split(",")} - {None}
        if not found:
            raise ApiError(400, f"exchange_list is {shown(text)!r}: none is watched.", allowed=self._exchange_names())
        return tuple(exchange for exchange in self.every_exchange() if exchange in found)

    def pair(self) -> Instrument:
        """The instrument of `exchange` and `symbol`."""
        exchange = self.exchange()
        return self._found(frozenset(each for each in self.known if each.exchange == exchange))

    def coin(self, exchanges: Sequence[str] | None = None) -> tuple[Instrument, ...]:
        """Every instrument (of `exchanges`) on the coin `symbol`, first the one in USDT, which stands for all."""
        among = frozenset(each for each in self.known if exchanges is None or each.exchange in exchanges)
        first = self._found(among)
        coin = coin_of(first.symbol)
        return (first, *sorted(each for each in among if each != first and coin_of(each.symbol) == coin))

    def coin_name(self) -> str | None:
        """The coin of `symbol`; None where it is left out."""
        return coin_of(self._found(self.known).symbol) if "symbol" in self.query else None

    def heatmap_range(self) -> str:
        return self._choice("range", HEATMAP_RANGES, default="3d")

    def map_range(self) -> str:
        """By the name that the heatmap has for it."""
        return MAP_RANGES[self._choice("range", MAP_RANGES, default="1d")]

    def map_shape(self) -> str:
        return self._choice("shape", MAP_SHAPES, default="object")

    def liquidated(self) -> PositionSide | None:
        """Whose positions are to be shown, which the original does not tell apart; None: all of them."""
        text = self._choice("liquidated", (BOTH, *PositionSide), default=BOTH)
        return None if text == BOTH else PositionSide(text)

    def total_s(self) -> float:
        return TOTAL_RANGES[self._choice("range", TOTAL_RANGES, default="24h")]

    def interval(self) -> Interval:
        self._required("interval")
        return INTERVALS[self._choice("interval", INTERVALS, default="1h")]

    def limit(self) -> int:
        """How many rows; 1000 where it is left out."""
        text = self.query.get("limit", str(ROWS))
        if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= MOST_ROWS:
            raise ApiError(400, f"limit is {shown(text)!r}: give a whole number.", allowed=(f"1 to {MOST_ROWS}",))
        return int(text)

    def min_usd(self) -> float:
        """Of `min_liquidation_amount`; 0 where it is left out."""
        text = self.query.get("min_liquidation_amount", "0")
        try:
            amount = float(text)
        except ValueError:
            amount = math.nan
        if not 0.0 <= amount < math.inf:
            raise ApiError(400, f"min_liquidation_amount is {shown(text)!r}: give US dollars.", allowed=("0 or more",))
        return amount

    def start(self) -> UnixTime | None:
        return self._time("start_time")

    def end(self) -> UnixTime:
        """Never after `now`, which it is where it is left out."""
        end, start = self._time("end_time"), self.start()
        if end is not None and start is not None and end < start:
            raise ApiError(400, "end_time lies before start_time.", allowed=("start_time <= end_time",))
        return self.now if end is None else min(end, self.now)

    def _time(self, name: str) -> UnixTime | None:
        text = self.query.get(name)
        if text is None:
            return None
        if not _WHOLE.fullmatch(text) or int(text) in _SECONDS:
            raise ApiError(400, f"{name} is {shown(text)!r}: give milliseconds since 1970.", allowed=("1795003200000",))
        return int(text) / 1000.0

    def _found(self, among: frozenset[Instrument]) -> Instrument:
        text = self._required("symbol")
        found = find(text, among)
        if found is None:
            near = tuple(each.symbol for each in nearest(text, among)) or ("the exchange's symbol, like BTCUSDT",)
            raise ApiError(400, f"symbol is {shown(text)!r}, which is not known here.", allowed=near)
        return found

    def _required(self, name: str) -> str:
        """In the very words of the original, which a client may look for."""
        if not self.query.get(name):
            raise ApiError(400, f"Required String parameter '{name}' is not present")
        return self.query[name]

    def _choice(self, name: str, allowed: Sequence[str] | Mapping[str, object], *, default: str) -> str:
        text = self.query.get(name, default)
        if text not in allowed:
            raise ApiError(400, f"{name} is {shown(text)!r}.", allowed=tuple(allowed))
        return text

    def _exchange_named(self, text: str) -> str | None:
        wanted = text.strip().lower()
        return wanted if wanted in self.every_exchange() else None

    def _exchange_names(self) -> list[str]:
        return [exchange_name(exchange) for exchange in self.every_exchange()]
