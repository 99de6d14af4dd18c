"""Binance's frames to liquidations and marks. The meaning of each field is decided here; evidence in MAPPING.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, cast

import msgspec
from msgspec import Meta, Struct

from liqalert.core.exchanges import BINANCE
from liqalert.core.frames import FEWEST, ORDERS_KEPT, frame_of
from liqalert.core.market import Instrument, Liquidation, Mark, OpenInterest, PositionSide, UnixTime
from liqalert.feeds.binance_tables import USD_QUOTES, BinanceTables
from liqalert.feeds.binance_wire import (
    IN_A_WRAPPER,
    UNREADABLE,
    ForceOrder,
    MarkUpdate,
    Refused,
    Row,
    decode_bare,
    decode_bare_usd,
    decode_row_by_row,
    decode_wrapped,
    decode_wrapped_usd,
)
from liqalert.ports import ParsedFrame

MAX_FRAME_BYTES = 10_000_000
GLANCE_BYTES = 200
LONE_BYTES = 2_000
"""Several times as long as a frame with one liquidation is. To try it on an array of marks costs as much as ten."""
MAX_NOTIONAL_USD = 1e11
"""More than all open positions on Binance together: no single liquidation can be worth that."""
WANTED_KEPT = 1_000
"""How many symbols are remembered as wanted: more than Binance lists, and a bound on what a hostile feed can store."""

MARKETS = (0, 1, 2)
"""What `st` may be: not given, USD-M, COIN-M."""

_LIQUIDATED = {"SELL": PositionSide.LONG, "BUY": PositionSide.SHORT}
"""The forced order closes the position, so its side is the opposite of the position's."""


def stream_url(base: str) -> str:
    """The address of all liquidations and all marks on one socket; `base` is like wss://fstream.binance.com/market."""
    return f"{base.rstrip('/')}/stream?streams=!forceOrder@arr/!markPrice@arr@1s"


@dataclass(slots=True)
class _Lineup:
    """What marks came of together in one frame, as they do second after second."""

    symbols: list[str]
    instruments: list[Instrument]
    prices: Sequence[float] = ()
    """The newest; hardly anybody asks for one, so they are not noted one by one. Empty once they are."""


class BinanceParser:
    """Turns frames into liquidations and marks. The same frames and REST answers in the same order give the same."""

    def __init__(
        self, *, contracts: Mapping[str, float] | None = None, quotes: Mapping[str, str] | None = None
    ) -> None:
        """`contracts`: US dollars per contract of COIN-M symbols. `quotes`: quote assets of USD-M symbols."""
        self._tables = BinanceTables(contracts=contracts, quotes=quotes)
        self._instruments: dict[str, Instrument] = {}
        self._in_dollars: dict[str, Instrument] = {}
        """Those whose quantity is in base units and whose price is in US dollars, as far as they have been seen."""
        self._marks: dict[str, float] = {}
        """Prices by symbol, but for those that stand in a lineup still."""
        self._lineups: dict[str, _Lineup] = {}
        """By the first of their symbols."""
        self._wanted: dict[str, None] = {}

    @property
    def wanted(self) -> tuple[str, ...]:
        """Symbols whose contract size or quote asset was missing and has not been learned since."""
        return tuple(self._wanted)

    @property
    def contracts(self) -> Mapping[str, float]:
        """US dollars per contract, by COIN-M symbol, as far as known. Do not change."""
        return self._tables.contracts

    def priced_in_usd(self, symbol: str) -> bool:
        """Whether a price of `symbol` is in US dollars."""
        return self._tables.quote(symbol) in USD_QUOTES

    def lacks_size(self, symbol: str) -> bool:
        """Whether quantities of `symbol` are contracts, and it is not known of how much."""
        return symbol not in self._tables.contracts and self._tables.coin_margined(symbol, 0)

    def learn(self, kind: str, payload: bytes) -> None:
        """Takes in a REST answer: `exchangeInfo` or `coin_exchangeInfo`. Raises UnexpectedAnswer."""
        self._tables.learn(kind, payload)
        self._in_dollars.clear()
        known = self._tables.contracts.keys() | self._tables.quotes.keys()
        self._wanted = {symbol: None for symbol in self._wanted if symbol not in known}

    def parse(self, frame: bytes, received_time: UnixTime) -> ParsedFrame:
        """What `frame` means. Never raises, whatever the bytes are: what is not understood is in `rejected`."""
        if len(frame) > MAX_FRAME_BYTES:
            return ParsedFrame(rejected=("too_large",))
        try:
            content = decode_wrapped(frame).data if frame[2] == IN_A_WRAPPER else decode_bare(frame)
        except (IndexError, *UNREADABLE):
            return self._parsed(*decode_row_by_row(frame), received_time)
        if isinstance(content, list):
            return self._marked(content, received_time) or self._parsed(content, (), received_time)
        return self._parsed((content,), (), received_time)

    def lone_liquidation(self, frame: bytes, received_time: UnixTime) -> Liquidation | None:
        """What nearly every frame without marks is: one liquidation of a USD-M contract that was seen before. None for
        everything else. Gives what `parse` does, in half the time."""
        if len(frame) > LONE_BYTES:
            return None
        try:
            order = (decode_wrapped_usd(frame).data if frame[2] == IN_A_WRAPPER else decode_bare_usd(frame)).o
            instrument = self._in_dollars[order.s]
        except (IndexError, KeyError, *UNREADABLE):
            return None
        price, quantity = order.ap, order.z
        usd = quantity * price
        if usd > MAX_NOTIONAL_USD:
            return None
        return Liquidation(instrument, _LIQUIDATED[order.S], price, quantity, usd, order.T / 1000.0, received_time)

    def _marked(self, rows: Sequence[Row], received_time: UnixTime) -> ParsedFrame | None:
        """What `_parsed` gives, column by column, where all rows are marks of instruments seen before; else None."""
        if len(rows) < FEWEST:
            return None
        updates = cast("Sequence[MarkUpdate]", rows)
        try:
            symbols, prices, sent = [row.s for row in updates], [row.p for row in updates], [row.E for row in updates]
            lineup = self._lineup(symbols)
        except (AttributeError, KeyError):  # a liquidation among them, or an instrument that was not seen before
            return None
        lineup.prices = prices
        newest = sent[0]
        at: float | list[float] = newest / 1000.0
        if not newest or sent.count(newest) < len(sent):  # nearly always all are sent at the same time
            newest = max(sent)
            at = [each / 1000.0 if each else received_time for each in sent]
        marks = frame_of(lineup.instruments, prices, at, received_time)
        return ParsedFrame(marks=marks, sent_at=newest / 1000.0 if newest else None)

    def _lineup(self, symbols: list[str]) -> _Lineup:
        """Raises KeyError where an instrument was not seen before."""
        lineup = self._lineups.get(symbols[0])
        if lineup is None or lineup.symbols != symbols:
            instruments = [*map(self._instruments.__getitem__, symbols)]
            self._note_prices()
            if len(self._lineups) >= ORDERS_KEPT:
                self._lineups.clear()
            lineup = _Lineup(symbols, instruments)
        # Last: they stand in the order in which their prices came.
        self._lineups.pop(symbols[0], None)
        self._lineups[symbols[0]] = lineup
        return lineup

    def _note_prices(self) -> None:
        for lineup in self._lineups.values():
            self._marks.update(zip(lineup.symbols, lineup.prices, strict=False))
            lineup.prices = ()

    def _parsed(self, rows: Sequence[Row], refused: Sequence[str], received_time: UnixTime) -> ParsedFrame:
        liquidations: list[Liquidation] = []
        marks: list[Mark] = []
        rejected = list(refused)
        self._note_prices()
        for row in rows:
            try:
                if isinstance(row, MarkUpdate):
                    marks.append(self._mark(row, received_time))
                else:
                    liquidations.append(self._liquidation(row, received_time))
            except Refused as exc:
                rejected.append(exc.kind)
        return ParsedFrame(tuple(liquidations), tuple(marks), tuple(rejected), _sent_at(rows))

    def can_be_spared(self, frame: bytes) -> bool:
        """Whether a glance shows no marks in it: Binance sends marks and liquidations in frames of their own."""
        return b"markPrice" not in frame[:GLANCE_BYTES]

    def _mark(self, row: MarkUpdate, received_time: UnixTime) -> Mark:
        mark = Mark(self._instrument(row.s), row.p, row.E / 1000.0 if row.E else received_time, received_time)
        self._marks[row.s] = row.p
        return mark

    def _liquidation(self, row: ForceOrder, received_time: UnixTime) -> Liquidation:
        order = row.o
        instrument = self._instrument(order.s)
        quantity, notional_usd = self._worth(row)
        if notional_usd > MAX_NOTIONAL_USD:
            raise Refused("bad_value")
        if not self._tables.coin_margined(order.s, 0) and self.priced_in_usd(order.s):
            self._in_dollars[order.s] = instrument
        return Liquidation(
            instrument, _LIQUIDATED[order.S], order.ap, quantity, notional_usd, order.T / 1000.0, received_time
        )

    def _worth(self, row: ForceOrder) -> tuple[float, float]:
        """Quantity in base units and US dollars."""
        order = row.o
        if row.st not in MARKETS or order.st not in MARKETS:
            raise Refused("unknown_market")
        # st = 2 wins should the two places ever differ: dollars per contract are then looked up, not multiplied.
        market = max(row.st, order.st)
        if not self._tables.coin_margined(order.s, market):
            return order.z, order.z * order.ap * self._usd_per_quote(order.s)
        if order.s not in self._tables.contracts:
            self._want(order.s)
            raise Refused("contract_size_unknown")
        notional_usd = order.z * self._tables.contracts[order.s]
        return notional_usd / order.ap, notional_usd

    def _usd_per_quote(self, symbol: str) -> float:
        quote = self._tables.quote(symbol)
        if quote in USD_QUOTES:
            return 1.0
        if quote is None:
            self._want(symbol)
            raise Refused("quote_unknown")
        usd = self._marks.get(f"{quote}USDT")
        if usd is None:
            raise Refused("quote_unknown")
        return usd

    def _want(self, symbol: str) -> None:
        if len(self._wanted) < WANTED_KEPT:
            self._wanted[symbol] = None

    def _instrument(self, symbol: str) -> Instrument:
        """One object per symbol. Symbols are in any script, but hold nothing that cannot be shown in a message."""
        known = self._instruments.get(symbol)
        if known is not None:
            return known
        if not symbol.isprintable():
            raise Refused("bad_value")
        return self._instruments.setdefault(symbol, Instrument(BINANCE, symbol))


def _sent_at(rows: Sequence[Row]) -> UnixTime | None:
    """The newest send time among the mark rows; liquidations are sent up to a second after the trade, so not they."""
    newest = max((row.E for row in rows if isinstance(row, MarkUpdate)), default=0)
    return newest / 1000.0 if newest else None


class _OpenInterest(Struct):
    symbol: str
    openInterest: Annotated[float, Meta(gt=0, le=1e15)]
    time: Annotated[int, Meta(gt=10**12, lt=10**13)] = 0


def parse_open_interest(
    payload: bytes,
    instrument: Instrument,
    *,
    mark_price: float | None,
    contract_size: float | None,
    now: UnixTime,
) -> OpenInterest | None:
    """Open interest of `instrument` in US dollars from Binance's REST answer; None when the answer cannot be used.

    With `contract_size` (US dollars per contract) the answer counts contracts, as on COIN-M; without it, base units,
    worth `mark_price` US dollars each. `at` is Binance's time of the count, or `now` where it gives none.
    """
    try:
        answer = msgspec.json.decode(payload, type=_OpenInterest, strict=False)
    except UNREADABLE:
        return None
    usd_each = mark_price if contract_size is None else contract_size
    if answer.symbol != instrument.symbol or usd_each is None:
        return None
    return OpenInterest(instrument, answer.openInterest * usd_each, answer.time / 1000.0 if answer.time else now)


class _PremiumIndex(Struct):
    symbol: str
    markPrice: Annotated[float, Meta(gt=0, le=1e12)]


def parse_mark_price(payload: bytes, symbol: str) -> float | None:
    """The mark price of `symbol` in Binance's REST answer; None when the answer cannot be used."""
    try:
        answer = msgspec.json.decode(payload, type=_PremiumIndex, strict=False)
    except UNREADABLE:
        return None
    return answer.markPrice if answer.symbol == symbol else None
