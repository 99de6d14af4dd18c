"""New fields and events are noticed, and cost nothing where they are not looked for."""

from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from liqalert.feeds.binance_names import unknown_names

RECORDED = Path(__file__).parents[2] / ".." / "shared" / "data" / "samples" / "wire_frames_2026.jsonl"
MARK = {"e": "markPriceUpdate", "E": 1_790_526_547_000, "s": "BTCUSDT", "p": "1", "ap": "1", "i": "1", "P": "1"}


if RECORDED.is_file():

    def test_nothing_in_recorded_frames_is_unknown() -> None:
        assert {name for line in RECORDED.read_bytes().splitlines() for name in unknown_names(line)} == set()


def test_new_fields_and_events_are_named_once() -> None:
    order = {"e": "forceOrder", "E": 1, "o": {"s": "BTCUSDT", "new": 1}}
    rows = [MARK | {"x": 1}, MARK | {"x": 2}, order, {"e": "kline"}, {"result": None}, 7]

    frame = msgspec.json.encode({"stream": "!markPrice@arr@1s", "data": rows})

    assert unknown_names(frame) == ("markPriceUpdate.x", "forceOrder.o.new", "event kline")


def test_the_end_of_a_connection_announced_is_nothing_new() -> None:
    assert unknown_names(b'{"e":"serverShutdown","E":1790000000000}') == ()


def test_a_name_that_cannot_be_shown_is_made_harmless() -> None:
    assert unknown_names(msgspec.json.encode({"e": "a\nb" + "c" * 100})) == ("event a?b" + "c" * 37,)


@given(st.binary(max_size=200))
def test_no_bytes_raise(frame: bytes) -> None:
    unknown_names(frame)
