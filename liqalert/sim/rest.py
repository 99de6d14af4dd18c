"""Binance's public REST answers for a simulated market."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from liqalert.sim.frames import FUNDING_RATE, index_price, milliseconds, next_funding_ms, number
from liqalert.sim.history import Candle, History
from liqalert.sim.listings import Listing
from liqalert.sim.market import Market

Query: TypeAlias = Mapping[str, str]

_MINUTES = {"m": 1, "h": 60, "d": 1440, "w": 10080}
INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w")
PERIODS = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
LISTED_SINCE_MS = 1_569_398_400_000
NEVER_DELIVERED_MS = 4_133_404_800_000


class Refused(Exception):
    """A request that Binance would answer with HTTP 400; `body` is that answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.body = msgspec.json.encode({"code": code, "msg": message})


class MarketRest:
    """Answers to GET requests. `answer` raises Refused for what Binance refuses, and KeyError for an unknown path."""

    def __init__(self, market: Market, histories: Mapping[str, History]) -> None:
        self._market = market
        self._histories = histories
        self._answers: dict[str, Callable[[Query], object]] = {
            "/fapi/v1/ping": lambda query: {},
            "/fapi/v1/time": lambda query: {"serverTime": self._now_ms},
            "/fapi/v1/exchangeInfo": lambda query: self._exchange_info(coin_margined=False),
            "/dapi/v1/exchangeInfo": lambda query: self._exchange_info(coin_margined=True),
            "/fapi/v1/openInterest": lambda query: self._open_interest(self._listed(query, coin_margined=False)),
            "/dapi/v1/openInterest": lambda query: self._open_interest(self._listed(query, coin_margined=True)),
            "/futures/data/openInterestHist": self._open_interest_history,
            "/fapi/v1/klines": lambda query: self._klines(self._listed(query, coin_margined=False), query),
            "/dapi/v1/klines": lambda query: self._klines(self._listed(query, coin_margined=True), query),
            "/fapi/v1/premiumIndex": self._premium_index,
            "/dapi/v1/premiumIndex": self._coin_premium_index,
        }

    def answer(self, path: str, query: Query) -> bytes:
        return msgspec.json.encode(self._answers[path](query))

    @property
    def _now_ms(self) -> int:
        return milliseconds(self._market.now)

    # ------------------------------------------------------------ instruments

    def _exchange_info(self, *, coin_margined: bool) -> object:
        listings = [listing for listing in self._market.listings.values() if listing.coin_margined is coin_margined]
        return {
            "timezone": "UTC",
            "serverTime": self._now_ms,
            "rateLimits": [
                {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
                {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
            ],
            "exchangeFilters": [],
            "symbols": [_symbol(listing) for listing in listings],
        }

    def _listed(self, query: Query, *, coin_margined: bool) -> Listing:
        symbol = query.get("symbol")
        if not symbol:
            raise Refused(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        listing = self._market.listings.get(symbol)
        if listing is None or listing.coin_margined is not coin_margined:
            raise Refused(-1121, "Invalid symbol.")
        return listing

    # ------------------------------------------------------------ open interest

    def _open_interest(self, listing: Listing) -> object:
        held = number(self._market.open_interest(listing.symbol), listing.lot_decimals)
        if listing.coin_margined:
            named = {"symbol": listing.symbol, "pair": listing.pair, "openInterest": held, "contractType": "PERPETUAL"}
            return named | {"time": self._now_ms}
        return {"openInterest": held, "symbol": listing.symbol, "time": self._now_ms}

    def _open_interest_history(self, query: Query) -> object:
        """USD-M is asked for by symbol, COIN-M by pair."""
        coin_margined = "pair" in query
        asked = {"symbol": f"{query['pair']}_PERP"} if coin_margined else query
        listing = self._listed(asked, coin_margined=coin_margined)
        candles = _cut(self._histories[listing.symbol], query, "period", allowed=PERIODS, default=30, most=500)
        return [_open_interest_row(listing, candle) for candle in candles]

    # ------------------------------------------------------------ prices

    def _klines(self, listing: Listing, query: Query) -> object:
        candles = _cut(self._histories[listing.symbol], query, "interval", allowed=INTERVALS, default=500, most=1500)
        length_ms = minutes_of(query["interval"]) * 60_000
        return [_kline(listing, candle, length_ms) for candle in candles]

    def _premium_index(self, query: Query) -> object:
        """One object for a symbol, all of them without."""
        if "symbol" in query:
            return self._premium_row(self._listed(query, coin_margined=False))
        return [self._premium_row(one) for one in self._market.listings.values() if not one.coin_margined]

    def _coin_premium_index(self, query: Query) -> object:
        """Always a list."""
        if "symbol" in query:
            listings: Iterable[Listing] = (self._listed(query, coin_margined=True),)
        else:
            listings = (one for one in self._market.listings.values() if one.coin_margined)
        return [
            {"symbol": one.symbol, "pair": one.pair} | self._premium_row(one)
            for one in listings
            if query.get("pair", one.pair) == one.pair
        ]

    def _premium_row(self, listing: Listing) -> dict[str, object]:
        price = self._market.mark_price(listing.symbol)
        return {
            "symbol": listing.symbol,
            "markPrice": number(price, 8),
            "indexPrice": number(index_price(price), 8),
            "estimatedSettlePrice": number(price, 8),
            "lastFundingRate": FUNDING_RATE,
            "interestRate": FUNDING_RATE,
            "nextFundingTime": next_funding_ms(self._market.now),
            "time": self._now_ms,
        }


def minutes_of(interval: str) -> int:
    return int(interval[:-1]) * _MINUTES[interval[-1]]


def _cut(
    history: History, query: Query, name: str, *, allowed: Sequence[str], default: int, most: int
) -> Sequence[Candle]:
    """The candles asked for: the newest, or the first after `startTime`."""
    if query.get(name) not in allowed:
        raise Refused(-1120, "Invalid interval.")
    limit = _whole(query, "limit", default)
    if not 1 <= limit <= most:
        raise Refused(-1130, "Data sent for parameter 'limit' is not valid.")
    start_ms, end_ms = _whole(query, "startTime", 0), _whole(query, "endTime", NEVER_DELIVERED_MS)
    candles = history.candles(minutes_of(query[name]))
    asked = [candle for candle in candles if start_ms <= candle.opened_at * 1000 <= end_ms]
    return asked[:limit] if "startTime" in query else asked[-limit:]


def _whole(query: Query, name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except ValueError:
        raise Refused(-1100, f"Illegal characters found in parameter '{name}'.") from None


def _kline(listing: Listing, candle: Candle, length_ms: int) -> list[object]:
    """Volume is in base units and its worth in quote, or in contracts and its worth in the coin for COIN-M."""
    prices = (number(price, listing.price_decimals) for price in (candle.open, candle.high, candle.low, candle.close))
    base = candle.volume_usd / candle.close
    volume, worth = base, candle.volume_usd
    if listing.contract_usd:
        volume, worth = candle.volume_usd / listing.contract_usd, base
    opened_ms = candle.opened_at * 1000
    trades = max(1, int(candle.volume_usd / listing.typical_usd))
    volumes = [number(volume, listing.lot_decimals), opened_ms + length_ms - 1, number(worth, 8), trades]
    taken = [number(volume / 2.0, listing.lot_decimals), number(worth / 2.0, 8), "0"]
    return [opened_ms, *prices, *volumes, *taken]


def _open_interest_row(listing: Listing, candle: Candle) -> dict[str, object]:
    worth_usd = candle.open_interest * (listing.contract_usd or candle.close)
    named: dict[str, object] = {"symbol": listing.symbol}
    if listing.coin_margined:
        named = {"pair": listing.pair, "contractType": "PERPETUAL"}
    return named | {
        "sumOpenInterest": number(candle.open_interest, 0 if listing.coin_margined else 8),
        "sumOpenInterestValue": number(worth_usd, 8),
        "CMCCirculatingSupply": "0",
        "timestamp": candle.opened_at * 1000,
    }


def _symbol(listing: Listing) -> dict[str, object]:
    tick, lot = (number(10.0**-decimals, decimals) for decimals in (listing.price_decimals, listing.lot_decimals))
    state: dict[str, object] = {"status": "TRADING", "settlePlan": 0}
    if listing.coin_margined:
        state = {"contractStatus": "TRADING", "contractSize": int(listing.contract_usd or 0), "equalQtyPrecision": 4}
    common: dict[str, object] = {
        "symbol": listing.symbol,
        "pair": listing.pair,
        "contractType": "TRADIFI_PERPETUAL" if listing.tradfi else "PERPETUAL",
        "deliveryDate": NEVER_DELIVERED_MS,
        "onboardDate": LISTED_SINCE_MS,
        "maintMarginPercent": number(listing.maintenance * 100.0, 4),
        "requiredMarginPercent": "5.0000",
        "baseAsset": listing.asset,
        "quoteAsset": listing.quote,
        "marginAsset": listing.asset if listing.coin_margined else listing.quote,
        "pricePrecision": listing.price_decimals,
        "quantityPrecision": listing.lot_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COMMODITY" if listing.tradfi else "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
    }
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "10000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "10000000", "stepSize": lot},
        {"filterType": "MARKET_LOT_SIZE", "minQty": lot, "maxQty": "10000000", "stepSize": lot},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 20},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"},
    ]
    orders = {"orderType": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"]}
    return common | state | {"filters": filters} | orders | {"timeInForce": ["GTC", "IOC", "FOK", "GTX"]}
