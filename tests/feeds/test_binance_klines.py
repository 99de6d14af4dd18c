"""Binance's klines, as documented: arrays of twelve, prices as text."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.candles import Candle
from liqalert.feeds.binance_klines import NoKlines, parse_klines

T0 = 1_795_392_000.0
OPENED = 1_795_392_000_000
DEEP = b'[[1,"1","1","1","1",' + b"[" * 200_000
UNUSED = ["12.5", 1_795_392_059_999, "1250.0", 31, "6.0", "600.0", "0"]


def test_a_row_is_a_candle() -> None:
    payload = msgspec.json.encode([[OPENED, "100.5", "101", "99.25", "100", *UNUSED]])

    assert parse_klines(payload) == (Candle(T0, 100.5, 101.0, 99.25, 100.0),)


@pytest.mark.parametrize(
    "prices",
    [
        ["1", "0.5", "1", "1"],
        ["1", "2", "1.5", "1.6"],
        ["1", "2", "1", "3"],
        ["nan", "1", "1", "1"],
        ["1", "inf", "1", "1"],
        ["-1", "1", "-2", "1"],
        ["0", "1", "0", "1"],
        ["x", "1", "1", "1"],
    ],
)
def test_rows_that_make_no_sense_are_left_out(prices: list[str]) -> None:
    rows = [[OPENED, *prices, *UNUSED], [OPENED + 60_000, "1", "1", "1", "1", *UNUSED]]

    assert [each.open_time for each in parse_klines(msgspec.json.encode(rows))] == [T0 + 60.0]


@pytest.mark.parametrize("payload", [b"", b"{}", b"[[1]]", b'{"code":-1121}', b"<html>", b"\xff", DEEP])
def test_an_answer_that_is_no_list_of_klines_is_refused(payload: bytes) -> None:
    with pytest.raises(NoKlines):
        parse_klines(payload)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(st.lists(st.one_of(st.integers(), st.text()), max_size=13)).map(msgspec.json.encode),
    )
)
def test_no_answer_brings_anything_but_candles_or_a_refusal(payload: bytes) -> None:
    try:
        candles = parse_klines(payload)
    except NoKlines:
        return

    assert all(0.0 < each.low <= each.high < float("inf") for each in candles)
