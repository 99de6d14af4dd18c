"""Reads recordings, torn ones too, and bare exchange messages one per line."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from liqalert.core.market import UnixTime
from liqalert.feeds.recording import Line

FILES = "liqalert-*.jsonl.gz"
CHUNK_BYTES = 1 << 16
PIECE_BYTES = 1 << 20
"""As much as is unpacked at once: what is packed may hold a thousand times its size."""
LONGEST_LINE = 1 << 28
"""More than a start after a day on which a million liquidations came. A file without lines is no recording."""
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Record:
    """One frame, or what else decides, with the time at which it did."""

    received_time: UnixTime
    kind: str
    """As for `ports.FrameRecorder`; `start` or `context` for what a file begins with."""
    exchange: str
    payload: bytes


class RecordingReader:
    """The records of several files, in the order of the files. Iterates once; memory is that of one record.

    A torn end (a crash, a full disk) ends that file only.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self.lost_bytes = 0
        """Bytes at torn ends so far that belong to no whole record."""
        self.read_bytes = 0
        """Bytes of the files read so far, as they are on disk: for a progress bar."""

    def __iter__(self) -> Iterator[Record]:
        for path in self._paths:
            yield from self._records(path)

    def _records(self, path: Path) -> Iterator[Record]:
        lines = _Lines(path)
        for line in lines:
            self.read_bytes += lines.take_read_bytes()
            try:
                record = _record(line)
            except NoRecord:
                self.lost_bytes += len(line)
                continue
            yield record
        self.read_bytes += lines.take_read_bytes()
        self.lost_bytes += lines.torn_bytes


def recording_files(path: Path) -> tuple[Path, ...]:
    """`path` itself, or the recordings in the directory it names, oldest first."""
    return tuple(sorted(path.glob(FILES))) if path.is_dir() else (path,)


def read_messages(path: Path) -> Iterator[bytes]:
    """Bare exchange messages, one per line, from a plain or gzip file. Empty lines are left out."""
    lines = _Lines(path)
    for line in lines:
        if line.strip():
            yield line.strip()
    if lines.rest.strip():
        yield lines.rest.strip()  # the last line needs no line feed


def is_recording(path: Path) -> bool:
    """Whether the first line of the file is a record, and not a bare exchange message.

    A file without a whole line (a crash right after it was begun) is one if it has the name of one.
    """
    first = next(iter(_Lines(path)), None)
    if first is None:
        return path.match(FILES)
    try:
        _record(first)
    except NoRecord:
        return False
    return True


class _Lines:
    """The whole lines of a plain or gzip file, as far as it can be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unseen = 0
        self._damaged = 0
        self.rest = b""
        """What follows the last line feed, once the lines are read."""

    @property
    def torn_bytes(self) -> int:
        return len(self.rest) + self._damaged

    def take_read_bytes(self) -> int:
        """Bytes read from disk since the last call."""
        read, self._unseen = self._unseen, 0
        return read

    def __iter__(self) -> Iterator[bytes]:
        begun = bytearray()
        for block in self._blocks():
            # Joined where a line ends: one that never does is not copied with each block anew.
            begun += block
            if b"\n" in block:
                *lines, rest = bytes(begun).split(b"\n")
                begun = bytearray(rest)
                yield from lines
            elif len(begun) > LONGEST_LINE:
                self._damaged += len(begun)
                begun = bytearray()
        self.rest = bytes(begun)

    def _blocks(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            packed = file.peek(2)[:2] == GZIP_MAGIC
            unpack = _Gunzip() if packed else None
            while chunk := file.read(CHUNK_BYTES):
                self._unseen += len(chunk)
                if unpack is None:
                    yield chunk
                    continue
                yield from unpack.feed(chunk)
                if unpack.damaged:
                    here = file.tell()
                    self._damaged += unpack.damaged + file.seek(0, os.SEEK_END) - here
                    return


class _Gunzip:
    """Unpacks gzip chunk by chunk, several members in a row too, up to the first damage."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self.damaged = 0
        """Bytes of the chunk that could not be unpacked; after that no more can be fed."""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What `chunk` holds, in pieces of at most `PIECE_BYTES`."""
        piece = b""
        # After a full piece there may be more, although all that is packed has been taken.
        while chunk or len(piece) == PIECE_BYTES:
            before = self._zlib.copy()
            try:
                piece = self._zlib.decompress(chunk, PIECE_BYTES)
            except zlib.error:
                yield self._salvage(before, chunk)
                return
            yield piece
            chunk = self._zlib.unconsumed_tail
            if self._zlib.eof:
                chunk = self._zlib.unused_data
                self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def _salvage(self, unpack: zlib._Decompress, chunk: bytes) -> bytes:
        """What stands before the damage: zlib gives nothing of a chunk that goes wrong, so bytes are fed singly."""
        unpacked = bytearray()
        for position in range(len(chunk)):
            try:
                unpacked += unpack.decompress(chunk[position : position + 1])
            except zlib.error:
                self.damaged = len(chunk) - position
                break
        return bytes(unpacked)


class NoRecord(ValueError):
    """The line is something else, or damaged."""


def _record(line: bytes) -> Record:
    """Raises NoRecord."""
    try:
        fields = msgspec.json.decode(line, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise NoRecord(str(exc)) from exc
    payload = fields.b64 if fields.b64 is not None else (fields.data or "").encode()
    return Record(fields.t, fields.kind, fields.exchange, payload)
