"""Recordings: raw frames, REST answers and what else decides, with their times, to be replayed to the same decisions.

A recording is a gzip file with one JSON object per line: {"t": 1790526547.8, "kind": "frame", "exchange": "binance",
"data": "..."}; bytes that are no UTF-8 stand in "b64" instead of "data".
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

from liqalert.core.market import UnixTime

log = logging.getLogger(__name__)

HOUR_S = 3600
RETRY_S = 10.0
"""After a write error, how long (in received time) before a new file is tried."""
LEVEL = 1
"""zlib's fastest: 2 to 3 ms on the loop for the mark array that comes once a second; level 6 saves 12 % of disk."""

Opening: TypeAlias = Callable[[UnixTime], Iterable[tuple[str, str, bytes]]]
"""Kind, exchange and payload of the records that stand first in a file begun at a time."""


class Line(Struct, omit_defaults=True):
    """One line of a recording, as it stands in the file."""

    t: UnixTime
    kind: str
    exchange: str
    data: str | None = None
    b64: bytes | None = None


class Recording:
    """Appends records to hourly files in a directory. Writing never raises: a full disk must not stop the feed."""

    def __init__(self, directory: Path, *, opening: Opening | None = None) -> None:
        """`opening` gives what every new file begins with: (kind, exchange, payload), as received at that moment."""
        self._directory = directory
        self._opening = opening
        self._file: _GzipFile | None = None
        self._hour = 0
        self._failed_at = 0.0
        self._lost = 0
        self._problem: str | None = None

    @property
    def lost(self) -> int:
        """How many records could not be written."""
        return self._lost

    @property
    def problem(self) -> str | None:
        """Why nothing is being recorded, in one sentence; None while all is well."""
        return self._problem

    def write(self, kind: str, exchange: str, payload: bytes, received_time: UnixTime) -> None:
        """Appends one record and hands it to the operating system, so that a crash loses at most this one."""
        if self._problem is not None and abs(received_time - self._failed_at) < RETRY_S:
            self._lost += 1
            return
        try:
            self._file_for(received_time).write(_line(kind, exchange, payload, received_time))
        except OSError as exc:
            self._failed(exc, received_time)
        else:
            self._recovered()

    def close(self) -> None:
        """Ends the file properly. Writing again begins a new one."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.close()
        except OSError as exc:
            log.warning("recording not ended properly", extra={"reason": str(exc)})

    def _file_for(self, received_time: UnixTime) -> _GzipFile:
        hour = int(received_time // HOUR_S)
        # Later, not different: a clock that was set back must not make a file that sorts before its predecessor.
        if self._file is not None and hour > self._hour:
            self.close()
        if self._file is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._file = _GzipFile(_create(self._directory, received_time))
            self._hour = hour
            for kind, exchange, payload in self._opening(received_time) if self._opening else ():
                self._file.write(_line(kind, exchange, payload, received_time))
        return self._file

    def _failed(self, exc: OSError, received_time: UnixTime) -> None:
        self._lost += 1
        self._failed_at = received_time
        if self._problem is None:
            log.error("not recording", extra={"directory": str(self._directory), "reason": str(exc)})
        self._problem = f"nothing is being recorded in {self._directory}: {exc.strerror or exc}."
        if self._file is not None:
            # What was half written cannot be continued; the next attempt begins a new file.
            self._file.abandon()
            self._file = None

    def _recovered(self) -> None:
        if self._problem is not None:
            log.info("recording again", extra={"directory": str(self._directory), "lost": self._lost})
            self._problem = None


class _GzipFile:
    """A gzip stream that is readable up to the last write at any moment."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._zlib = zlib.compressobj(LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)

    def write(self, data: bytes) -> None:
        self._put(self._zlib.compress(data) + self._zlib.flush(zlib.Z_SYNC_FLUSH))

    def close(self) -> None:
        try:
            self._put(self._zlib.flush(zlib.Z_FINISH))
        finally:
            self._file.close()

    def abandon(self) -> None:
        self._file.close()

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]


def _create(directory: Path, received_time: UnixTime) -> FileIO:
    """A new file whose name sorts after all earlier ones. `_` sorts after `.`, so a second one in a second does too."""
    stamp = datetime.fromtimestamp(received_time, UTC).strftime("%Y%m%dT%H%M%SZ")
    for attempt in range(1000):
        suffix = f"_{attempt:03}" if attempt else ""
        try:
            return FileIO(directory / f"liqalert-{stamp}{suffix}.jsonl.gz", "x")
        except FileExistsError:
            continue
    raise OSError(f"{directory} holds 1,000 recordings of {stamp}")


def _line(kind: str, exchange: str, payload: bytes, received_time: UnixTime) -> bytes:
    try:
        line = Line(received_time, kind, exchange, data=payload.decode())
    except UnicodeDecodeError:
        line = Line(received_time, kind, exchange, b64=payload)
    return msgspec.json.encode(line) + b"\n"
