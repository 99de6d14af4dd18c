"""Recordings survive what happens to files: torn ends, full disks, crashes, clocks."""

from __future__ import annotations

import gzip
import os
import resource
import signal
import subprocess
import sys
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.feeds.recording import Recording
from liqalert.feeds.recording_reader import Record, RecordingReader, is_recording, read_messages, recording_files

START = 1_795_471_200.0  # 2026-11-23 22:00:00 UTC
REPOSITORY = Path(__file__).parents[2]


def record(directory: Path, *payloads: bytes, at: float = START) -> Path:
    recording = Recording(directory)
    for number, payload in enumerate(payloads):
        recording.write("frame", "binance", payload, at + number / 1000)
    recording.close()
    return recording_files(directory)[-1]


def payloads_of(*paths: Path) -> list[bytes]:
    return [record.payload for path in paths for record in RecordingReader(recording_files(path))]


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_any_bytes_come_back_as_they_were(payloads: list[bytes]) -> None:
    with TemporaryDirectory() as directory:
        if payloads:
            record(Path(directory), *payloads)

        assert payloads_of(Path(directory)) == payloads


def test_record_keeps_time_kind_and_exchange(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.write("frame", "binance", b'{"e":"forceOrder"}', 1790000000.123)
    recording.write("exchangeInfo", "binance", "测试".encode(), 1790000000.456)
    recording.close()

    assert list(RecordingReader(recording_files(tmp_path))) == [
        Record(1790000000.123, "frame", "binance", b'{"e":"forceOrder"}'),
        Record(1790000000.456, "exchangeInfo", "binance", "测试".encode()),
    ]


def test_file_is_plain_gzip_of_json_lines(tmp_path: Path) -> None:
    path = record(tmp_path, b'{"a":1}', b"\xff")

    assert gzip.decompress(path.read_bytes()) == (
        b'{"t":1795471200.0,"kind":"frame","exchange":"binance","data":"{\\"a\\":1}"}\n'
        b'{"t":1795471200.001,"kind":"frame","exchange":"binance","b64":"/w=="}\n'
    )


def test_each_hour_has_its_file_named_after_its_first_record(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    for at in (START + 3599.0, START + 3600.0, START + 3000.0, START + 7300.0):
        recording.write("frame", "binance", str(at).encode(), at)
    recording.close()

    assert [path.name for path in recording_files(tmp_path)] == [
        "liqalert-20261123T225959Z.jsonl.gz",
        "liqalert-20261123T230000Z.jsonl.gz",
        "liqalert-20261124T000140Z.jsonl.gz",
    ]
    assert payloads_of(tmp_path) == [b"1795474799.0", b"1795474800.0", b"1795474200.0", b"1795478500.0"]


def test_each_start_has_a_file_of_its_own_and_they_sort(tmp_path: Path) -> None:
    for payload in (b"first", b"second", b"third"):
        record(tmp_path, payload)

    assert payloads_of(tmp_path) == [b"first", b"second", b"third"]
    assert len(recording_files(tmp_path)) == 3


def test_every_file_begins_with_what_a_replay_needs(tmp_path: Path) -> None:
    recording = Recording(tmp_path, opening=lambda now: [("start", "", str(now).encode()), ("feed", "binance", b"{}")])
    for at in (START, START + 1.0, START + 3600.0):
        recording.write("frame", "binance", b"frame", at)
    recording.close()

    first, second = recording_files(tmp_path)
    assert payloads_of(first) == [b"1795471200.0", b"{}", b"frame", b"frame"]
    assert payloads_of(second) == [b"1795474800.0", b"{}", b"frame"]


def test_record_is_readable_as_soon_as_it_is_written(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.write("frame", "binance", b"one", START)

    assert payloads_of(tmp_path) == [b"one"]
    recording.close()


def test_start_after_a_day_like_no_other_is_read_back(tmp_path: Path) -> None:
    """It holds the liquidations of half a day, some 200 bytes each, and every fourth byte may be escaped."""
    start = b'{"liquidations":[' + b'"x": 1234567890, ' * 4_000_000 + b"]}"

    assert payloads_of(record(tmp_path, start, b"1").parent) == [start, b"1"]


@given(st.binary(min_size=40, max_size=40))
def test_torn_end_loses_only_a_last_record_that_is_not_all_there(last: bytes) -> None:
    with TemporaryDirectory() as directory:
        recording = Recording(Path(directory))
        recording.write("frame", "binance", b"whole", START)
        path = recording_files(Path(directory))[0]
        whole = path.stat().st_size
        recording.write("frame", "binance", last, START)
        content = path.read_bytes()
        recording.close()

        for end in range(whole, len(content)):
            path.write_bytes(content[:end])
            there = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content[:end]).count(b"\n")
            assert payloads_of(path) == [b"whole", last][:there], f"torn after {end} bytes"


def test_torn_end_is_counted_and_the_next_file_follows(tmp_path: Path) -> None:
    first = record(tmp_path, b"one", b"two")
    first.write_bytes(first.read_bytes()[:-20])
    record(tmp_path, b"three")

    reader = RecordingReader(recording_files(tmp_path))

    assert [record.payload for record in reader] == [b"one", b"three"]
    assert reader.lost_bytes > 0


def test_end_overwritten_with_zeros_loses_only_what_was_overwritten(tmp_path: Path) -> None:
    """What a file system may leave after a power failure."""
    recording = Recording(tmp_path)
    recording.write("frame", "binance", b"whole", START)
    path = recording_files(tmp_path)[0]
    content = path.read_bytes()
    recording.close()
    path.write_bytes(content + bytes(100))

    reader = RecordingReader(recording_files(path))

    assert [record.payload for record in reader] == [b"whole"]
    assert reader.lost_bytes > 0


def test_whole_recording_loses_nothing_and_is_read_to_its_last_byte(tmp_path: Path) -> None:
    path = record(tmp_path, b"one", b"two")
    reader = RecordingReader(recording_files(path))

    assert len(list(reader)) == 2
    assert (reader.lost_bytes, reader.read_bytes) == (0, path.stat().st_size)


def test_kill_loses_nothing_that_was_written(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from liqalert.feeds.recording import Recording\n"
        "recording = Recording(Path(sys.argv[1]))\n"
        "for n in range(50): recording.write('frame', 'binance', str(n).encode(), 1790000000.0)\n"
        "print('written', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)

    assert len(payloads_of(tmp_path)) == 50


def test_unusable_directory_is_reported_once_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the directory should be")
    recording = Recording(blocked)

    for second in range(30):
        recording.write("frame", "binance", b"lost", START + second)

    assert recording.lost == 30
    assert recording.problem is not None
    assert str(blocked) in recording.problem
    assert [entry.getMessage() for entry in caplog.records] == ["not recording"]


def test_recording_goes_on_in_a_new_file_when_the_disk_has_room_again(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: the write fails in the middle of a record."""
    recording = Recording(tmp_path)
    recording.write("frame", "binance", b"before", START)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (recording_files(tmp_path)[0].stat().st_size + 10, before[1]))
    try:
        recording.write("frame", "binance", os.urandom(500), START + 1)
        recording.write("frame", "binance", b"too soon to try again", START + 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert recording.problem is not None

    recording.write("frame", "binance", b"after", START + 12)
    recording.close()

    assert recording.problem is None
    assert recording.lost == 2
    assert payloads_of(tmp_path) == [b"before", b"after"]


@pytest.mark.parametrize("packed", [True, False])
def test_bare_messages_are_read_line_by_line(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "messages"
    content = b'{"e":"forceOrder"}\n\n{"e":"x"}\r\n{"e":"last"}'
    path.write_bytes(gzip.compress(content) if packed else content)

    assert list(read_messages(path)) == [b'{"e":"forceOrder"}', b'{"e":"x"}', b'{"e":"last"}']
    assert not is_recording(path)


def test_recording_is_told_from_bare_messages(tmp_path: Path) -> None:
    assert is_recording(record(tmp_path, b"one"))


def test_recording_begun_in_the_moment_of_a_crash_is_still_one(tmp_path: Path) -> None:
    path = record(tmp_path, b"one")
    path.write_bytes(path.read_bytes()[:12])

    assert is_recording(path)
    assert payloads_of(path) == []


def test_empty_file_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()

    assert not is_recording(path)


def test_gzip_of_several_members_is_read_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "joined.gz"
    path.write_bytes(gzip.compress(b"one\ntw") + gzip.compress(b"o\nthree\n"))

    assert list(read_messages(path)) == [b"one", b"two", b"three"]
