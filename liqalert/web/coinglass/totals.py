"""`coin-list` and `exchange-list`: totals of the last hours, by coin and by exchange."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from liqalert.core.gaps import least_share
from liqalert.core.market import Instrument, PositionSide
from liqalert.web.coinglass.envelope import Answer, success
from liqalert.web.coinglass.names import coin_of, exchange_name
from liqalert.web.coinglass.numbers import cents
from liqalert.web.coinglass.questions import TOTAL_RANGES, Question
from liqalert.web.coinglass.sources import CoinglassSources
from liqalert.web.coinglass.watches import watches

LONGEST_FIRST = tuple(sorted(TOTAL_RANGES, key=lambda name: -TOTAL_RANGES[name]))

Sums: TypeAlias = Mapping[tuple[Instrument, PositionSide], float]


@dataclass(slots=True)
class Total:
    """US dollars, growing."""

    long_usd: float = 0.0
    short_usd: float = 0.0

    @property
    def usd(self) -> float:
        return self.long_usd + self.short_usd

    def add(self, liquidated: PositionSide, usd: float) -> None:
        if liquidated is PositionSide.LONG:
            self.long_usd += usd
        else:
            self.short_usd += usd


class ExchangeItem(msgspec.Struct, frozen=True):
    """Both spellings: their documentation has one, and clients report the other from the wire."""

    exchange: str
    liquidation_usd: float
    long_liquidation_usd: float
    short_liquidation_usd: float
    long_spelled_on_the_wire: float = msgspec.field(name="longLiquidation_usd")
    short_spelled_on_the_wire: float = msgspec.field(name="shortLiquidation_usd")


class Totals:
    def __init__(self, sources: CoinglassSources) -> None:
        self._sources = sources

    async def coin_list(self, question: Question) -> Answer:
        """Coins of one exchange of which anything was liquidated, those with most in 24 hours first."""
        exchange = question.exchange()
        of_range = {name: await self._per_coin(exchange, question, name) for name in LONGEST_FIRST}
        day = of_range["24h"]
        coins = sorted(day, key=lambda coin: (-day[coin].usd, coin))
        items = [_coin_item(coin, {name: of_range[name][coin] for name in LONGEST_FIRST}) for coin in coins]
        return success(items, await self._watched([exchange], question, TOTAL_RANGES["24h"]))

    async def exchange_list(self, question: Question) -> Answer:
        """Every exchange, that with most first; before them all together."""
        coin, total_s = question.coin_name(), question.total_s()
        sums = await self._sources.sums.per_instrument(since=question.now - total_s, until=question.now)
        of_coin = {key: usd for key, usd in sums.items() if coin in (None, coin_of(key[0].symbol))}
        by_exchange = _added(of_coin, lambda instrument: instrument.exchange)
        exchanges = {*question.every_exchange(), *by_exchange}
        everything = _added(of_coin, lambda _: "All")["All"]
        ranked = sorted(exchanges, key=lambda exchange: (-by_exchange[exchange].usd, exchange))
        items = [_exchange_item(exchange_name(exchange), by_exchange[exchange]) for exchange in ranked]
        watched = await self._watched(exchanges, question, total_s)
        return success([_exchange_item("All", everything), *items], watched)

    async def _per_coin(self, exchange: str, question: Question, range_name: str) -> defaultdict[str, Total]:
        since = question.now - TOTAL_RANGES[range_name]
        sums = await self._sources.sums.per_instrument(since=since, until=question.now)
        here = {key: usd for key, usd in sums.items() if key[0].exchange == exchange}
        return _added(here, lambda instrument: coin_of(instrument.symbol))

    async def _watched(self, exchanges: Collection[str], question: Question, total_s: float) -> float:
        since = question.now - total_s
        return least_share(await watches(self._sources, exchanges, since), since, question.now)


def _added(sums: Sums, owner: Callable[[Instrument], str]) -> defaultdict[str, Total]:
    """By what `owner` says of each instrument; nothing for whoever is not there."""
    totals: defaultdict[str, Total] = defaultdict(Total)
    for (instrument, liquidated), usd in sums.items():
        totals[owner(instrument)].add(liquidated, usd)
    return totals


def _coin_item(coin: str, of_range: Mapping[str, Total]) -> dict[str, str | float]:
    item: dict[str, str | float] = {"symbol": coin}
    for name, total in of_range.items():
        item[f"liquidation_usd_{name}"] = cents(total.usd)
        item[f"long_liquidation_usd_{name}"] = cents(total.long_usd)
        item[f"short_liquidation_usd_{name}"] = cents(total.short_usd)
    return item


def _exchange_item(name: str, total: Total) -> ExchangeItem:
    return ExchangeItem(
        exchange=name,
        liquidation_usd=cents(total.usd),
        long_liquidation_usd=cents(total.long_usd),
        short_liquidation_usd=cents(total.short_usd),
        long_spelled_on_the_wire=cents(total.long_usd),
        short_spelled_on_the_wire=cents(total.short_usd),
    )
