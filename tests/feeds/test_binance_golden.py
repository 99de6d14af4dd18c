"""Documented and captured messages, and what they must become. The expected values were read against them by hand."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest

from liqalert.feeds.binance import BinanceParser
from liqalert.ports import ParsedFrame

PAYLOADS = Path(__file__).parents[1] / "payloads" / "binance"
SHARED = Path(__file__).parents[2] / ".." / "shared"
RECEIVED = 1_790_000_000.0
EXPECTED: dict[str, Any] = msgspec.json.decode((PAYLOADS / "expected.json").read_bytes())


def shown(frame: ParsedFrame) -> dict[str, Any]:
    return {
        "liquidations": [
            [
                item.instrument.symbol,
                item.liquidated.value,
                item.price,
                item.quantity,
                item.notional_usd,
                item.event_time,
            ]
            for item in frame.liquidations
        ],
        "marks": [[mark.instrument.symbol, mark.price, mark.event_time] for mark in frame.marks],
        "rejected": list(frame.rejected),
        "sent_at": frame.sent_at,
    }


def taught_parser() -> BinanceParser:
    parser = BinanceParser()
    parser.learn("coin_exchangeInfo", (PAYLOADS / "coin_rest_exchange_info.json").read_bytes())
    return parser


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.endswith(".json")])
def test_payload_means_what_was_read_from_it_by_hand(name: str) -> None:
    parsed = taught_parser().parse((PAYLOADS / name).read_bytes(), RECEIVED)

    assert shown(parsed) == EXPECTED[name]


@pytest.mark.parametrize("number", range(12))
def test_captured_frame_means_what_was_read_from_it_by_hand(number: int) -> None:
    line = (PAYLOADS / "wire_frames_2026.jsonl").read_bytes().splitlines()[number]

    parsed = taught_parser().parse(msgspec.json.decode(line)["frame"].encode(), RECEIVED)

    assert shown(parsed) == EXPECTED["wire_frames_2026.jsonl"][number]


def test_every_message_in_the_folder_has_an_expectation() -> None:
    messages = {path.name for path in PAYLOADS.glob("*.json*") if "rest_" not in path.name}

    assert messages == EXPECTED.keys() | {"expected.json"}


if SHARED.is_dir():

    def test_every_recorded_liquidation_is_understood_as_ap_times_z() -> None:
        parser = BinanceParser()
        understood = 0
        with gzip.open(SHARED / "data" / "forceorder.jsonl.gz") as lines:
            for line in lines:
                order = msgspec.json.decode(line)["o"]
                [liquidation] = parser.parse(line, RECEIVED).liquidations
                assert liquidation.notional_usd == pytest.approx(float(order["ap"]) * float(order["z"]))
                assert liquidation.liquidated == ("long" if order["S"] == "SELL" else "short")
                understood += 1

        assert understood == 5285
