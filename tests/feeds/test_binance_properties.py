"""Whatever arrives, the parser gives a result: sane numbers or a count."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from liqalert.feeds.binance import BinanceParser
from liqalert.ports import ParsedFrame

PAYLOADS = Path(__file__).parents[1] / "payloads" / "binance"
FRAMES = [path.read_bytes() for path in sorted(PAYLOADS.glob("*.json"))] + [
    msgspec.json.decode(line)["frame"].encode()
    for line in (PAYLOADS / "wire_frames_2026.jsonl").read_bytes().splitlines()
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
HOSTILE_VALUES = JSON | st.sampled_from(["nan", "inf", "-1", "1e400", "1e308", "", "0", "00", "0x1", "1_0", "\ud7ff"])


def parse_sanely(frame: bytes) -> ParsedFrame:
    parsed = BinanceParser(contracts={"BTCUSD_PERP": 100.0}).parse(frame, 1_790_000_000.0)
    for item in parsed.liquidations:
        for number in (item.price, item.quantity, item.notional_usd, item.event_time):
            assert math.isfinite(number)
            assert number > 0
        assert item.instrument.symbol.isprintable()
        item.instrument.symbol.encode()
    for mark in parsed.marks:
        assert math.isfinite(mark.price)
        assert mark.price > 0
    return parsed


@given(st.binary(max_size=200))
def test_any_bytes_give_a_result(frame: bytes) -> None:
    parse_sanely(frame)


@given(st.sampled_from(FRAMES), st.data())
@settings(max_examples=200)
def test_real_frame_with_damaged_bytes_gives_a_result(frame: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(frame)))
    end = data.draw(st.integers(start, min(len(frame), start + 20)))

    parse_sanely(frame[:start] + data.draw(st.binary(max_size=20)) + frame[end:])


@given(st.sampled_from(FRAMES), st.data())
@settings(max_examples=200)
def test_real_frame_with_a_hostile_value_gives_a_result(frame: bytes, data: st.DataObject) -> None:
    content = msgspec.json.decode(frame)
    places = list(_places(content))
    container, key = data.draw(st.sampled_from(places))
    container[key] = data.draw(HOSTILE_VALUES)

    parse_sanely(msgspec.json.encode(content))


@given(st.lists(HOSTILE_VALUES, max_size=5), st.integers(0, 5))
def test_good_row_survives_among_hostile_ones(rows: list[Any], place: int) -> None:
    good = {"e": "markPriceUpdate", "E": 1_790_000_000_000, "s": "BTCUSDT", "p": "1"}
    hostile = [{"e": "markPriceUpdate", "E": 1_790_000_000_000, "s": "ETHUSDT", "p": row} for row in rows]

    parsed = parse_sanely(msgspec.json.encode([*hostile[:place], good, *hostile[place:]]))

    assert "BTCUSDT" in {mark.instrument.symbol for mark in parsed.marks}
    assert len(parsed.marks) + len(parsed.rejected) == len(rows) + 1


def _places(content: Any) -> Any:
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in list(items):
        yield content, key
        yield from _places(value)
