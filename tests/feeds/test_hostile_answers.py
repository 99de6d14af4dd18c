"""Whatever Binance's REST interface answers, there are sane numbers, the documented refusal, or nothing."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.market import Instrument
from liqalert.feeds.binance import BinanceParser, parse_mark_price, parse_open_interest
from liqalert.feeds.binance_klines import NoKlines, parse_klines
from liqalert.feeds.binance_listings import ending, read_listings
from liqalert.feeds.binance_tables import COIN_EXCHANGE_INFO, EXCHANGE_INFO, UnexpectedAnswer
from tests.mutations import damaged, kept, misvalued

BINANCE = Path(__file__).parents[1] / "payloads/binance"
SHARED = Path(__file__).resolve().parents[3] / "shared/payloads"
REAL = [path.read_bytes() for path in (*sorted(BINANCE.glob("*rest_*.json")), *sorted(SHARED.glob("binance-*/rest_*")))]
PREMIUM = b'{"symbol":"BTCUSDT","markPrice":"60000.1","indexPrice":"60001","time":1790000000000}'
KLINES = b'[[1790000000000,"1.0","3.0","0.5","2.0","9",1790000059999,"9",5,"4","4","0"]]'
ANSWERS = st.sampled_from([*REAL, PREMIUM, KLINES])
NOW = 1_790_000_000.0


def read_sanely(payload: bytes) -> None:
    """By every reader of an answer, because a proxy may answer anything to anything."""
    _learn(payload)
    for listing in read_listings(payload).values():
        told = ending("BTCUSDT", listing, NOW)
        assert told is None or (told.isprintable() and len(told) < 200)
    for symbol in ("BTCUSDT", "BTCUSD_PERP"):
        instrument = Instrument("binance", symbol)
        found = parse_open_interest(payload, instrument, mark_price=60_000.0, contract_size=None, now=NOW)
        assert found is None or (0.0 < found.usd < math.inf and 0.0 < found.at < 1e10)
        price = parse_mark_price(payload, symbol)
        assert price is None or 0.0 < price < math.inf
    try:
        candles = parse_klines(payload)
    except NoKlines:
        candles = ()
    assert all(0.0 < each.low <= each.high < math.inf and 0.0 < each.open_time < 1e10 for each in candles)


def _learn(payload: bytes) -> None:
    for kind in (EXCHANGE_INFO, COIN_EXCHANGE_INFO):
        parser = BinanceParser()
        try:
            parser.learn(kind, payload)
        except UnexpectedAnswer:
            continue
        assert all(0.0 < dollars < math.inf for dollars in parser.contracts.values())


@pytest.mark.parametrize("path", kept("answers"), ids=lambda path: path.name)
def test_what_once_broke_a_reader_of_answers(path: Path) -> None:
    read_sanely(path.read_bytes())


@given(st.binary(max_size=100) | damaged(ANSWERS))
def test_damaged_answer(payload: bytes) -> None:
    read_sanely(payload)


@given(misvalued(ANSWERS))
def test_answer_with_an_odd_value(payload: bytes) -> None:
    read_sanely(payload)
