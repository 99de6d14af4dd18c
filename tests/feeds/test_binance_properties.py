"""Whatever arrives, the parser gives a result: sane numbers or a count."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.binance_names import unknown_names
from liqalert.ports import ParsedFrame
from tests.mutations import ODD_VALUES, damaged, kept, misvalued

PAYLOADS = Path(__file__).parents[1] / "payloads" / "binance"
RECORDED = Path(__file__).resolve().parents[3] / "shared/data/forceorder.jsonl.gz"
"""Thousands of real liquidations, where the folder is there."""
FRAMES = [path.read_bytes() for path in sorted(PAYLOADS.glob("*.json"))] + [
    msgspec.json.decode(line)["frame"].encode()
    for line in (PAYLOADS / "wire_frames_2026.jsonl").read_bytes().splitlines()
]
if RECORDED.exists():
    FRAMES += gzip.decompress(RECORDED.read_bytes()).splitlines()[::100]
REAL = st.sampled_from(FRAMES)
AT_LEAST_200 = settings(max_examples=max(200, settings.default.max_examples))


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
    assert all(name.isprintable() for name in unknown_names(frame))
    return parsed


@given(st.binary(max_size=200))
def test_any_bytes_give_a_result(frame: bytes) -> None:
    parse_sanely(frame)


@AT_LEAST_200
@given(damaged(REAL))
def test_real_frame_with_damaged_bytes_gives_a_result(frame: bytes) -> None:
    parse_sanely(frame)


@AT_LEAST_200
@given(misvalued(REAL))
def test_real_frame_with_a_hostile_value_gives_a_result(frame: bytes) -> None:
    parse_sanely(frame)


@pytest.mark.parametrize("path", kept("frames"), ids=lambda path: path.name)
def test_what_once_broke_a_parser_gives_a_result(path: Path) -> None:
    assert parse_sanely(path.read_bytes()).rejected


@given(st.lists(ODD_VALUES, max_size=5), st.integers(0, 5))
def test_good_row_survives_among_hostile_ones(rows: list[Any], place: int) -> None:
    good = {"e": "markPriceUpdate", "E": 1_790_000_000_000, "s": "BTCUSDT", "p": "1"}
    hostile = [{"e": "markPriceUpdate", "E": 1_790_000_000_000, "s": "ETHUSDT", "p": row} for row in rows]

    parsed = parse_sanely(msgspec.json.encode([*hostile[:place], good, *hostile[place:]]))

    assert "BTCUSDT" in {mark.instrument.symbol for mark in parsed.marks}
    assert len(parsed.marks) + len(parsed.rejected) == len(rows) + 1
