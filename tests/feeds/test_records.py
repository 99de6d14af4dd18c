"""Files to replay count once and in the order of their times, however they are given."""

from __future__ import annotations

from pathlib import Path

import msgspec

from liqalert.feeds.recording import Recording
from liqalert.feeds.recording_reader import recording_files
from liqalert.feeds.records import open_records
from tests.binance_messages import force_order

START = 1_795_471_200.0
HOUR = 3600.0


def recorded(directory: Path) -> tuple[Path, ...]:
    """Three hours with a frame each."""
    recording = Recording(directory)
    for hour in range(3):
        recording.write("frame", "binance", b"%d" % hour, START + hour * HOUR)
    recording.close()
    return recording_files(directory)


def payloads(*paths: Path) -> list[bytes]:
    return [record.payload for record in open_records(paths).records() if record.kind == "frame"]


def test_a_recording_is_replayed_in_the_order_of_time(tmp_path: Path) -> None:
    first, second, third = recorded(tmp_path)

    assert payloads(third, first, second) == [b"0", b"1", b"2"]


def test_a_recording_given_twice_is_replayed_once(tmp_path: Path) -> None:
    first, second, _ = recorded(tmp_path)

    assert payloads(first, second, tmp_path, tmp_path / ".." / tmp_path.name / first.name) == [b"0", b"1", b"2"]
    assert open_records([first, first]).total_bytes == first.stat().st_size


def test_messages_are_replayed_in_the_order_of_time(tmp_path: Path) -> None:
    """Taken as they come, those of an earlier day would all be received at once, with the last of the later one."""
    days = []
    for number in range(2):
        order = force_order("BTCUSDT", "SELL", price=60_000, quantity=1, at_ms=int(START + number * 86_400.0) * 1000)
        days.append(tmp_path / f"{number}.jsonl")
        days[-1].write_bytes(b"\n" + msgspec.json.encode(order) + b"\n")

    source = open_records([days[1], days[0], days[1]])
    times = [record.received_time for record in source.records() if record.kind == "frame"]

    assert [int(at - START) // 86_400 for at in times] == [0, 1]
