"""A recording that somebody else has packed takes no more memory than one of ours, whatever it unpacks to."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from liqalert.feeds.recording_reader import PIECE_BYTES, RecordingReader, is_recording, read_messages
from liqalert.feeds.records import open_records


def peak_of(work: Callable[[], object]) -> int:
    """Bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_small_file_that_unpacks_to_millions_of_lines_is_not_unpacked_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" * 40_000_000, 9, mtime=0))

    peak = peak_of(lambda: is_recording(path))

    assert path.stat().st_size < 50_000
    assert peak < 32_000_000


@pytest.mark.parametrize("length", [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
def test_what_is_unpacked_piece_by_piece_is_whole(tmp_path: Path, length: int) -> None:
    path = tmp_path / "messages.gz"
    path.write_bytes(gzip.compress(b"a" * length, 9, mtime=0) + gzip.compress(b"\nlast", mtime=0))

    assert list(read_messages(path)) == [b"a" * length, b"last"]


def test_what_follows_a_damage_is_counted_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "damaged.jsonl.gz"
    path.write_bytes(gzip.compress(b"one\n") + b"no gzip")
    with path.open("ab") as file:
        file.truncate(300_000_000)
    reader = RecordingReader([path])

    peak = peak_of(lambda: list(reader))

    assert reader.lost_bytes > 299_000_000
    assert peak < 32_000_000


def test_bare_messages_are_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"padding":"%s"}\n' % (b"." * 2000) * 40_000, 9, mtime=0))

    peak = peak_of(lambda: next(open_records([path]).records()))

    assert peak < 32_000_000


def test_message_without_a_time_has_that_of_its_neighbour(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_bytes(b'{"a":1}\n{"E":1700000000000}\n{"E":1600000000000}\n{"a":2}\n{"E":1700001000000}\n')

    records = [(record.kind, record.received_time) for record in open_records([path]).records()]

    first, last = 1_700_000_000.0, 1_700_001_000.0
    frames = [("frame", first)] * 4
    assert records == [("feed", first), *frames, ("feed", first), ("feed", last), ("frame", last)]
