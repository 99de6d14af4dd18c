"""Candles of a minute from marks, and of a column from minutes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from liqalert.core.candles import Candle, CandleBook, Finished, by_column, cut_by
from liqalert.core.frames import framed
from liqalert.core.market import Gap, Instrument, Mark
from tests.core.events import BTC, ETH, mark
from tests.core.frames import MANY, Step, frames, steps

T0 = 1_789_999_800.0
"""Where a minute begins."""


def take(book: CandleBook, mark: Mark) -> None:
    book.marks((mark,), (mark.instrument,))


def seen(book: CandleBook, *seconds: float, price: float = 10.0) -> None:
    for second in seconds:
        take(book, mark(price, T0 + second))


def test_marks_make_candles_of_a_minute() -> None:
    book = CandleBook()
    for price, second in ((10.0, 1.0), (12.0, 15.0), (9.0, 30.0), (10.5, 45.0), (11.0, 59.0), (13.0, 60.0)):
        take(book, mark(price, T0 + second))

    first, second = Candle(T0, 10.0, 12.0, 9.0, 11.0), Candle(T0 + 60.0, 13.0, 13.0, 13.0, 13.0)
    assert book.finished(T0 + 60.0) == (Finished(BTC, first, whole=True),)
    assert book.unwritten(BTC) == (first, second)
    assert book.unwritten(ETH) == ()
    assert [each.candle for each in book.finished(T0 + 119.9)] == [first]
    assert [each.candle for each in book.finished(T0 + 120.0)] == [first, second]


def test_what_is_written_is_let_go_and_what_ended_meanwhile_is_not() -> None:
    book = CandleBook()
    seen(book, 1.0)
    taken = book.finished(T0 + 60.0)
    seen(book, 61.0)
    book.finished(T0 + 120.0)

    book.written(len(taken))

    assert [candle.open_time for candle in book.unwritten(BTC)] == [T0 + 60.0]


@pytest.mark.parametrize(
    ("seconds", "whole"),
    [
        ((1.0, 15.0, 30.0, 45.0, 59.0), True),
        ((16.0, 30.0, 45.0, 59.0), False),
        ((1.0, 15.0, 30.0, 44.0), False),
        ((1.0, 15.0, 40.0, 50.0, 59.0), False),
    ],
    ids=["seen all through", "its beginning missed", "its end missed", "its middle missed"],
)
def test_a_minute_is_whole_when_marks_came_all_through_it(seconds: tuple[float, ...], whole: bool) -> None:
    book = CandleBook()
    seen(book, *seconds)

    [finished] = book.finished(T0 + 60.0)

    assert finished.whole is whole


@pytest.mark.parametrize("received", [T0 + 59.0, T0 + 61.0])
def test_a_mark_that_a_slower_connection_brings_changes_nothing(received: float) -> None:
    book = CandleBook()
    seen(book, 58.0)

    take(book, Mark(BTC, 99.0, T0 + 57.0, received))

    assert book.unwritten(BTC) == (Candle(T0, 10.0, 10.0, 10.0, 10.0),)


def test_a_clock_that_is_set_back_begins_another_candle() -> None:
    book = CandleBook()
    seen(book, 0.0, -3600.0)

    assert len(book.finished(T0 + 60.0)) == 2


@given(st.lists(st.tuples(st.sampled_from([BTC, ETH]), st.floats(1e-8, 1e6), st.floats(0.0, 40.0)), max_size=60))
def test_every_mark_is_within_the_candle_of_its_minute(steps: list[tuple[Instrument, float, float]]) -> None:
    book, now, marks = CandleBook(), T0, []
    for instrument, price, wait_s in steps:
        now += wait_s
        marks.append(Mark(instrument, price, now, now))
        take(book, marks[-1])

    candles = {(each.instrument, each.candle.open_time): each.candle for each in book.finished(now + 60.0)}

    assert candles.keys() == {(each.instrument, each.received_time // 60 * 60) for each in marks}
    for (instrument, opened), candle in candles.items():
        prices = [
            each.price for each in marks if each.instrument == instrument and each.received_time // 60 * 60 == opened
        ]
        assert (candle.open, candle.close) == (prices[0], prices[-1])
        assert (candle.low, candle.high) == (min(prices), max(prices))


@given(steps, st.sampled_from([frozenset(MANY), frozenset(MANY[1:9]), frozenset(MANY[::2]), frozenset()]))
def test_a_frame_makes_the_candles_that_its_marks_make_one_by_one(found: list[Step], of: frozenset[Instrument]) -> None:
    together, one_by_one = CandleBook(), CandleBook()

    for number, marks in enumerate(frames(found, T0)):
        now = marks[0].received_time
        kept = of if number < 12 else of | {MANY[3]}
        together.marks(framed(marks), kept)
        for each in marks:
            one_by_one.marks((each,), kept)

        assert [together.unwritten(each) for each in MANY] == [one_by_one.unwritten(each) for each in MANY]
        if number % 3 == 2:
            assert together.finished(now) == one_by_one.finished(now)
            together.written(number)
            one_by_one.written(number)


def test_minutes_are_joined_by_column() -> None:
    minutes = [Candle(T0 + 60.0 * n, 10.0 + n, 11.0 + n, 9.0 + n, 10.5 + n) for n in range(6)]

    joined = by_column(minutes, T0, 300.0, 3)

    assert joined == (Candle(T0, 10.0, 15.0, 9.0, 14.5), Candle(T0 + 300.0, 15.0, 16.0, 14.0, 15.5), None)
    assert by_column([replace(minutes[0], open_time=T0 - 1.0)], T0, 300.0, 1) == (None,)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        (20.0, 200.0, (0.0, 180.0)),
        (50.0, 190.0, ()),
        (10.0, 30.0, (0.0,)),
        (30.0, 40.0, ()),
        (60.0, 120.0, (60.0,)),
        (20.0, None, ()),
    ],
)
def test_a_gap_cuts_the_minutes_that_lack_more_than_15_s(
    start: float, end: float | None, minutes: tuple[float, ...]
) -> None:
    gap = Gap("binance", T0 + start, None if end is None else T0 + end, "no marks")

    assert cut_by(gap) == tuple(T0 + opened for opened in minutes)
