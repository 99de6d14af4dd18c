"""The short way through the parser, for symbols it has seen before, gives what the long way gives."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.frames import FEWEST, MarkColumns, MarkFrame, framed
from liqalert.feeds.binance import BinanceParser
from liqalert.ports import ParsedFrame
from tests.binance_messages import force_order

T0 = 1_790_000_000.0
CONTRACTS = {"BTCUSD_PERP": 100.0, "ODD": 10.0}
QUOTES = {"ODDQUOTE": "XRP", "PLAIN": "USDC", "ETHBTC": "BTC"}

orders = st.tuples(
    st.sampled_from(["BTCUSDT", "PLAIN", "ODD", "ODDQUOTE", "ETHBTC", "BTCUSD_PERP", "NEWUSD_260925", "X", "我USDT"]),
    st.sampled_from(["SELL", "BUY", "HOLD"]),
    st.sampled_from(["67321.4", "0.0001", "1e11", "nan", "0"]),
    st.sampled_from(["0.5", "1000000", "0", "-1"]),
    st.sampled_from([-1, 0, 1, 2, 3]),
    st.sampled_from([0, 1, 2]),
)


@given(st.lists(orders, max_size=12))
def test_what_a_parser_has_seen_before_changes_nothing(found: list[tuple[str, str, str, str, int, int]]) -> None:
    seasoned = BinanceParser(contracts=CONTRACTS, quotes=QUOTES)
    frames = [_frame(*each) for each in found]
    for frame in frames:
        seasoned.parse(frame, T0)

    for frame in frames:
        expected = BinanceParser(contracts=CONTRACTS, quotes=QUOTES).parse(frame, T0)
        one = seasoned.lone_liquidation(frame, T0)
        assert seasoned.parse(frame, T0) == expected
        assert one is None or ParsedFrame((one,)) == expected


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_plain_liquidation_of_a_contract_seen_before_takes_the_short_way(wrapped: bool) -> None:
    parser = BinanceParser()
    frame = _frame("BTCUSDT", "SELL", "50000", "2", 1, 1)
    frame = frame if wrapped else msgspec.json.encode(msgspec.json.decode(frame)["data"])
    assert parser.lone_liquidation(frame, T0) is None

    parsed = parser.parse(frame, T0)

    assert parsed == ParsedFrame((parser.lone_liquidation(frame, T0),))


def test_what_is_worth_more_than_can_be_is_left_to_the_long_way() -> None:
    parser = BinanceParser()
    parser.parse(_frame("BTCUSDT", "SELL", "50000", "2", 1, 1), T0)
    absurd = _frame("BTCUSDT", "SELL", "50000", "2000001", 1, 1)

    assert parser.lone_liquidation(absurd, T0) is None
    assert parser.parse(absurd, T0) == ParsedFrame(rejected=("bad_value",))


def test_what_is_too_large_is_left_to_the_long_way() -> None:
    parser = BinanceParser()
    frame = _frame("BTCUSDT", "SELL", "50000", "2", 1, 1)
    parser.parse(frame, T0)
    padded = frame + b" " * 10_000_000

    assert parser.lone_liquidation(padded, T0) is None
    assert parser.parse(padded, T0) == ParsedFrame(rejected=("too_large",))


marks = st.lists(
    st.tuples(
        st.sampled_from([f"S{number}USDT" for number in range(40)]),
        st.floats(0.001, 1e6),
        st.sampled_from([0, 1_790_000_000_000, 1_790_000_000_500]),
    ),
    min_size=1,
    max_size=60,
)


@given(marks)
def test_an_array_of_marks_of_instruments_seen_before_is_what_it_was(rows: list[tuple[str, float, int]]) -> None:
    """Taken column by column then; rows may come twice, or without the time they were sent."""
    frame = _array(rows)
    parser = BinanceParser()
    expected = parser.parse(frame, T0)
    assert [mark.price for mark in expected.marks] == [price for _, price, _ in rows]

    again = parser.parse(frame, T0)

    assert again == expected
    columns, one_by_one = framed(again.marks), framed(expected.marks)
    assert isinstance(columns, MarkFrame) is isinstance(one_by_one, MarkFrame) is (len(rows) >= FEWEST)
    if isinstance(columns, MarkFrame) and isinstance(one_by_one, MarkFrame):
        assert plain(columns.columns) == plain(one_by_one.columns)


@given(st.lists(st.tuples(st.permutations(range(20)), st.integers(16, 20), st.booleans()), max_size=8))
def test_the_newest_price_values_what_is_not_quoted_in_dollars(
    arrays: list[tuple[list[int], int, bool]],
) -> None:
    """In whatever array it came, and whether or not somebody asks in between: two tables may share an instrument."""
    parser = BinanceParser(quotes={"ETHS7": "S7"})
    parser.parse(_array([(f"S{number}USDT", 1.0, 0) for number in range(20)]), T0)
    newest = 1.0
    for at, (order, count, asks) in enumerate(arrays, start=2):
        parser.parse(_array([(f"S{number}USDT", float(at), 0) for number in order[:count]]), T0)
        newest = float(at) if 7 in order[:count] else newest
        assert not asks or _usd(parser) == newest

    assert _usd(parser) == newest


def _usd(parser: BinanceParser) -> float:
    """What one S7 is worth."""
    [liquidation] = parser.parse(_frame("ETHS7", "SELL", "1", "1", 1, 1), T0).liquidations
    return liquidation.notional_usd


def _array(rows: list[tuple[str, float, int]]) -> bytes:
    updates = [
        {"e": "markPriceUpdate", "s": symbol, "p": str(price)} | ({"E": sent} if sent else {})
        for symbol, price, sent in rows
    ]
    return msgspec.json.encode({"stream": "!markPrice@arr@1s", "data": updates})


def plain(columns: MarkColumns) -> tuple[object, ...]:
    numbers = (columns.prices, columns.event_times, columns.received_times)
    return (columns.instruments, *(np.asarray(each).tolist() for each in numbers))


def test_a_new_list_of_contracts_counts_at_once() -> None:
    parser = BinanceParser()
    frame = _frame("BTCUSDT", "SELL", "50000", "2", 0, 0)
    [before] = parser.parse(frame, T0).liquidations
    assert parser.lone_liquidation(frame, T0) == before
    parser.learn(
        "coin_exchangeInfo",
        msgspec.json.encode({"symbols": [{"symbol": "BTCUSDT", "contractSize": 100, "quoteAsset": "USD"}]}),
    )

    [after] = parser.parse(frame, T0).liquidations

    assert parser.lone_liquidation(frame, T0) is None
    assert (before.notional_usd, after.notional_usd) == (100_000.0, 200.0)


def _frame(symbol: str, side: str, price: str, quantity: str, st: int, order_st: int) -> bytes:
    content = force_order(symbol, side, price=price, quantity=quantity, at_ms=round(T0 * 1000))
    order = {**content["o"], "st": order_st}
    return msgspec.json.encode({"stream": "!forceOrder@arr", "data": {**content, "o": order, "st": st}})
