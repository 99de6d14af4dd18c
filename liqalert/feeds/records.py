"""Files to replay, as records: liqalert's own recordings, or bare exchange messages one per line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from liqalert.core.exchanges import BINANCE
from liqalert.core.market import FeedStatus, UnixTime
from liqalert.feeds.recording_reader import Record, RecordingReader, is_recording, read_messages, recording_files

SILENCE_S = 900.0
"""Bare messages do not say when the feed was alive: a longer silence is taken for a gap."""


class PriceSource(StrEnum):
    """Where a replay takes prices from."""

    MARKS = "marks"
    FILLS = "fills"
    """The liquidations' own fills, where the files hold no marks. Then every instrument is watched."""


class UnreadableRecords(ValueError):
    """What was given cannot be replayed as one; the text is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Records:
    """What the files hold, in order, with figures for a progress bar."""

    records: Callable[[], Iterator[Record]]
    prices: PriceSource
    total_bytes: int
    read_bytes: Callable[[], int]
    lost_bytes: Callable[[], int]


def open_records(paths: Sequence[Path]) -> Records:
    """`paths` as records: all of them recordings (or directories of recordings), or all of them bare messages.

    Each file counts once, and the one that begins first comes first, however they are given. Raises UnreadableRecords.
    """
    paths = tuple({file.resolve(): file for path in paths for file in recording_files(path)}.values())
    if not paths:
        raise UnreadableRecords("there is no recording in that directory: give files, or a directory that holds them")
    kinds = {is_recording(path) for path in paths}
    if len(kinds) > 1:
        raise UnreadableRecords("these files are partly recordings and partly bare messages: replay one kind at a time")
    total = sum(path.stat().st_size for path in paths)
    if kinds == {True}:
        reader = RecordingReader(sorted(paths, key=_recorded_from))
        return Records(
            lambda: iter(reader), PriceSource.MARKS, total, lambda: reader.read_bytes, lambda: reader.lost_bytes
        )
    in_order = sorted(paths, key=_sent_from)

    def messages() -> Iterator[bytes]:
        return (message for path in in_order for message in read_messages(path))

    prices = PriceSource.MARKS if any(b'"markPriceUpdate"' in message for message in messages()) else PriceSource.FILLS
    return Records(lambda: bare_records(messages), prices, total, lambda: total, lambda: 0)


def bare_records(messages: Callable[[], Iterator[bytes]]) -> Iterator[Record]:
    """Each message as a frame received at its event time, with the feed alive but in silences over 15 minutes.

    A message without a readable event time is taken as received with the one before it, and those before the first
    that has one with that. `messages` begins anew each time it is called: there may be more than memory holds.
    """
    first = next((at for message in messages() if (at := _event_time(message)) is not None), None)
    before: UnixTime | None = None
    for message in messages():
        now = max(before or first or 0.0, _event_time(message) or 0.0)
        if first is not None and (before is None or now - before > SILENCE_S):
            if before is not None:
                yield _feed(before, alive=False)
            yield _feed(now, alive=True)
        yield Record(now, "frame", BINANCE, message)
        before = now


def _recorded_from(path: Path) -> UnixTime:
    """The time of a recording's first record; of one without any it does not matter."""
    return next((record.received_time for record in RecordingReader((path,))), 0.0)


def _sent_from(path: Path) -> UnixTime:
    """The first event time in a file of bare messages."""
    return next((at for message in read_messages(path) if (at := _event_time(message)) is not None), 0.0)


def _feed(at: UnixTime, *, alive: bool) -> Record:
    return Record(at, "feed", BINANCE, msgspec.json.encode(FeedStatus(BINANCE, alive, at, mark_at=at)))


class _Timed(Struct):
    """The event time in a message: at the top, or in the combined stream's wrapper; of the first row in an array."""

    E: int = 0
    data: _Timed | list[_Timed] | None = None


def _event_time(message: bytes) -> UnixTime | None:
    try:
        found = msgspec.json.decode(message, type=_Timed | list[_Timed])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    while not isinstance(found, _Timed) or not found.E:
        inner = (found[0] if found else None) if isinstance(found, list) else found.data
        if inner is None:
            return None
        found = inner
    return found.E / 1000.0
