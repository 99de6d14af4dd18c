"""What single fields do to the meaning of a Binance frame."""

from __future__ import annotations

from typing import Any

import pytest

from liqalert.core.market import Instrument, PositionSide
from liqalert.feeds.binance import BinanceParser, stream_url
from liqalert.ports import ParsedFrame
from tests.feeds.frames import NOW, liquidation_frame, mark_frame, parse


def test_address_names_both_streams_under_the_route() -> None:
    assert (
        stream_url("wss://fstream.binance.com/market/")
        == "wss://fstream.binance.com/market/stream?streams=!forceOrder@arr/!markPrice@arr@1s"
    )


@pytest.mark.parametrize(("order_side", "liquidated"), [("SELL", PositionSide.LONG), ("BUY", PositionSide.SHORT)])
def test_liquidated_position_is_the_opposite_of_the_order(order_side: str, liquidated: PositionSide) -> None:
    [liquidation] = parse(liquidation_frame(S=order_side)).liquidations

    assert liquidation.liquidated is liquidated


def test_worth_is_average_fill_times_filled_quantity() -> None:
    [liquidation] = parse(liquidation_frame(ap="100", p="90", z="3", q="4", l="1")).liquidations

    assert (liquidation.price, liquidation.quantity, liquidation.notional_usd) == (100.0, 3.0, 300.0)
    assert (liquidation.event_time, liquidation.received_time) == (1_789_999_999.0, NOW)


@pytest.mark.parametrize("frame", [liquidation_frame(ap="0", q="4"), liquidation_frame(without=("ap",), q="4")])
def test_without_average_fill_the_order_itself_counts(frame: bytes) -> None:
    [liquidation] = parse(frame).liquidations

    assert (liquidation.price, liquidation.quantity, liquidation.notional_usd) == (90.0, 4.0, 360.0)


def test_without_filled_quantity_the_ordered_one_counts() -> None:
    [liquidation] = parse(liquidation_frame(without=("z",), q="4")).liquidations

    assert (liquidation.price, liquidation.quantity, liquidation.notional_usd) == (100.0, 4.0, 400.0)


def test_order_that_filled_nothing_is_refused() -> None:
    assert parse(liquidation_frame(z="0.000", X="EXPIRED")) == ParsedFrame(rejected=("unfilled",))


def test_numbers_may_stand_without_quotes() -> None:
    [liquidation] = parse(liquidation_frame(ap=100.5, z=2)).liquidations

    assert liquidation.notional_usd == 201.0


@pytest.mark.parametrize("field", ["ap", "z"])
@pytest.mark.parametrize("value", ["", None, "nan", "NaN", "inf", "-1", "1e400", "1e300", "abc", True, [], {}])
def test_bad_number_is_refused_and_not_taken_for_a_missing_one(field: str, value: Any) -> None:
    assert parse(liquidation_frame(**{field: value})) == ParsedFrame(rejected=("bad_value",))


@pytest.mark.parametrize("traded", [0, -1, 1_789_999_999, 1_789_999_999_000_000, "x", None])
def test_time_that_is_no_milliseconds_is_refused(traded: Any) -> None:
    assert parse(liquidation_frame(T=traded)) == ParsedFrame(rejected=("bad_value",))


def test_without_trade_time_the_send_time_counts() -> None:
    [liquidation] = parse(liquidation_frame(without=("T",))).liquidations

    assert liquidation.event_time == 1_790_000_000.0


@pytest.mark.parametrize("order_side", ["sell", "", None, 1, "LONG"])
def test_unknown_order_side_is_refused(order_side: Any) -> None:
    assert parse(liquidation_frame(S=order_side)) == ParsedFrame(rejected=("unknown_side",))


@pytest.mark.parametrize("symbol", ["", "X" * 65, "BTC\u0000USDT", "BTC\nUSDT", None, 7])
def test_symbol_that_cannot_be_shown_is_refused(symbol: Any) -> None:
    assert parse(liquidation_frame(s=symbol)) == ParsedFrame(rejected=("bad_value",))


def test_liquidation_worth_more_than_the_whole_exchange_is_refused() -> None:
    assert parse(liquidation_frame(ap="1000000", z="1000000")) == ParsedFrame(rejected=("bad_value",))


@pytest.mark.parametrize("symbol", ["测试USDT", "BTCUSDT_210129", "1000PEPEUSDC", "BTCBUSD_210129", "XYZUSD1"])
def test_dollar_quote_is_read_from_the_end_of_the_symbol(symbol: str) -> None:
    [liquidation] = parse(liquidation_frame(s=symbol)).liquidations

    assert (liquidation.instrument, liquidation.notional_usd) == (Instrument("binance", symbol), 200.0)


def test_array_of_liquidations_is_accepted() -> None:
    one = liquidation_frame()

    assert len(parse(b"[" + one + b"," + one + b"]").liquidations) == 2


def test_bad_row_does_not_cost_the_others() -> None:
    good, bad = liquidation_frame(), liquidation_frame(ap="")

    parsed = parse(b"[" + good + b", 5, " + bad + b"," + good + b"]")

    assert len(parsed.liquidations) == 2
    assert parsed.rejected == ("malformed", "bad_value")


# ---------------------------------------------------------------- marks and the rest


def test_marks_carry_the_send_time_of_the_frame() -> None:
    parsed = parse(mark_frame({}, {"s": "ETHUSDT", "p": "3000"}))

    assert [(mark.instrument.symbol, mark.price, mark.event_time) for mark in parsed.marks] == [
        ("BTCUSDT", 60000.0, 1_789_999_999.5),
        ("ETHUSDT", 3000.0, 1_789_999_999.5),
    ]
    assert parsed.sent_at == 1_789_999_999.5


@pytest.mark.parametrize("price", ["0", "", None, "-1", "nan", "1e400"])
def test_bad_mark_does_not_cost_the_others(price: Any) -> None:
    parsed = parse(mark_frame({"p": price}, {"s": "ETHUSDT", "p": "3000"}))

    assert [mark.instrument.symbol for mark in parsed.marks] == ["ETHUSDT"]
    assert parsed.rejected == ("bad_value",)


def test_bare_nan_does_not_cost_the_rest_of_the_array() -> None:
    parsed = parse(mark_frame({}, {"s": "ETHUSDT"}).replace(b'"60000"', b"NaN", 1))

    assert [mark.instrument.symbol for mark in parsed.marks] == ["ETHUSDT"]
    assert parsed.rejected == ("bad_value",)


def test_instrument_is_one_object_per_symbol() -> None:
    parser = BinanceParser()
    [first] = parse(mark_frame({}), parser).marks
    [second] = parse(liquidation_frame(), parser).liquidations

    assert first.instrument is second.instrument


@pytest.mark.parametrize(
    ("frame", "rejected"),
    [
        (b'{"result":null,"id":1}', ()),
        (b"[]", ()),
        (b'{"error":{"code":2,"msg":"Invalid request"},"id":1}', ("exchange_error",)),
        (b'{"code":2,"msg":"Invalid request"}', ("exchange_error",)),
        (b'{"e":"serverShutdown","E":1790000000000}', ()),
        (b'{"stream":"!forceOrder@arr","data":{"e":"serverShutdown","E":1790000000000}}', ()),
        (b'{"e":"something","E":1790000000000}', ("unknown_event",)),
        (b'{"stream":"!forceOrder@arr","data":{"e":"aggTrade"}}', ("unknown_event",)),
        (b"{}", ("unknown_event",)),
        (b'{"e":"forceOrder"}', ("bad_value",)),
        (b'{"e":"forceOrder","o":[]}', ("bad_value",)),
        (b"", ("malformed",)),
        (b"null", ("malformed",)),
        (b"pong", ("malformed",)),
        (b"\xff\xfe", ("malformed",)),
        (liquidation_frame(s="?").replace(b"?", b"\xff"), ("malformed",)),
        (b"[" * 100_000, ("malformed",)),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_event_is_counted_by_kind(frame: bytes, rejected: tuple[str, ...]) -> None:
    assert parse(frame) == ParsedFrame(rejected=rejected)


def test_frame_of_more_than_ten_megabytes_is_not_looked_at() -> None:
    assert parse(liquidation_frame() + b" " * 10_000_000) == ParsedFrame(rejected=("too_large",))
