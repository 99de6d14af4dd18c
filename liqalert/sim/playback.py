"""Serves a recording: its frames, in its own pace, with its times moved to the clock's."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from liqalert.core.market import UnixTime
from liqalert.sim.frames import ALL_LIQUIDATIONS, ALL_MARKS, Frame, milliseconds, number
from liqalert.sim.rest import Query, Refused

LONGEST_SILENCE_S = 60.0
"""A longer one in a recording is shortened to this: recordings of several days are often put into one file."""
_EMPTY_LIST = b'{"symbols":[]}'
_LISTS = {"exchangeInfo": "/fapi/v1/exchangeInfo", "coin_exchangeInfo": "/dapi/v1/exchangeInfo"}


class Recorded(NamedTuple):
    """One line: a frame with or without the combined stream's wrapper, or a REST answer, named by `kind`."""

    at: UnixTime
    payload: bytes
    kind: str = "frame"


class _Line(msgspec.Struct):
    """A line of a recording. A bare message has no `kind`."""

    t: float = 0.0
    kind: str = ""
    data: msgspec.Raw = msgspec.Raw()
    b64: bytes = b""


class Playback:
    """Implements sources.Source for recorded messages in the order of their times.

    Every time in a frame (E, and T of a trade) is moved by as much as the frame itself, so that a client which compares
    them with `clock`'s time finds them fresh. Where there are no marks, as in files of liquidations alone, each fill is
    followed by a mark at its price: a client takes a feed without marks for dead.
    """

    def __init__(self, recorded: Iterable[Recorded], *, start: UnixTime) -> None:
        self._recorded = iter(recorded)
        self._moved_s = 0.0
        self._marks: dict[str, str] = {}
        self._has_marks = False
        self._lists: dict[str, bytes] = {}
        self._now = start
        self._last_at: UnixTime | None = None
        self._next = self._following()

    @property
    def next_at(self) -> UnixTime | None:
        """A mark a second while the recording has none, else the next frame."""
        if self._next is None:
            return None
        due_at = self._next.at + self._moved_s
        return due_at if self._has_marks or not self._marks else min(due_at, self._now + 1.0)

    def take(self) -> tuple[Frame, ...]:
        recorded, due_at = self._next, self.next_at
        assert recorded is not None
        assert due_at is not None
        self._now = due_at
        if due_at < recorded.at + self._moved_s:
            return self._made_up_marks()
        frames = self._frames(recorded)
        self._next = self._following()
        return frames

    def answer(self, path: str, query: Query) -> bytes:
        """Lists of instruments as recorded, newest marks; nothing is known of open interest and candles."""
        if path in _LISTS.values():
            return self._lists.get(path, _EMPTY_LIST)
        if not path.startswith(("/fapi/", "/dapi/", "/futures/")):
            raise KeyError(path)
        mark = self._marks.get(query.get("symbol", ""))
        if mark is None or not path.endswith("/premiumIndex"):
            raise Refused(-1121, "Invalid symbol.")
        return msgspec.json.encode(
            {"symbol": query["symbol"], "markPrice": mark, "indexPrice": mark, "time": milliseconds(self._now)}
        )

    def _following(self) -> Recorded | None:
        """The next frame; REST answers before it are kept, and a long silence is shortened."""
        for recorded in self._recorded:
            if recorded.kind in _LISTS:
                self._lists[_LISTS[recorded.kind]] = recorded.payload
            if recorded.kind != "frame":
                continue
            if self._last_at is None:
                self._moved_s = self._now - recorded.at
            elif recorded.at - self._last_at > LONGEST_SILENCE_S:
                self._moved_s -= recorded.at - self._last_at - LONGEST_SILENCE_S
            self._last_at = recorded.at
            return recorded
        return None

    def _frames(self, recorded: Recorded) -> tuple[Frame, ...]:
        """A recorded frame for its subscribers; none for the answer to a subscription; verbatim what is no JSON."""
        try:
            message: Any = msgspec.json.decode(recorded.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return (Frame((), recorded.payload, verbatim=True),)
        content = message["data"] if isinstance(message, dict) and "data" in message else message
        rows = [row for row in (content if isinstance(content, list) else [content]) if isinstance(row, dict)]
        if not any("e" in row for row in rows):
            return ()
        for row in rows:
            _move(row, round(self._moved_s * 1000.0))
            self._learn(row)
        frame = Frame(_streams(message, rows), msgspec.json.encode(content))
        return (frame, *_marks_of_each(rows)) if isinstance(content, list) else (frame,)

    def _learn(self, row: dict[str, Any]) -> None:
        order = row.get("o")
        if row.get("e") == "markPriceUpdate":
            self._has_marks = True
            self._marks[str(row.get("s"))] = str(row.get("p"))
        elif not self._has_marks and isinstance(order, dict):
            self._marks[str(order.get("s"))] = str(order.get("ap") or order.get("p"))

    def _made_up_marks(self) -> tuple[Frame, ...]:
        sent_ms = milliseconds(self._now)
        rows = [
            {"e": "markPriceUpdate", "E": sent_ms, "s": symbol, "p": price, "ap": price, "P": price, "i": price}
            | {"r": number(0.0, 8), "T": 0, "st": 1}
            for symbol, price in self._marks.items()
        ]
        return (Frame((f"{ALL_MARKS}@1s", ALL_MARKS), msgspec.json.encode(rows)), *_marks_of_each(rows))


def _move(row: dict[str, Any], by_ms: int) -> None:
    """Only when it was sent and traded: a mark's T is when funding is next due, and stays."""
    if isinstance(row.get("E"), int):
        row["E"] += by_ms
    order = row.get("o")
    if isinstance(order, dict) and isinstance(order.get("T"), int):
        order["T"] += by_ms


def _marks_of_each(rows: Iterable[dict[str, Any]]) -> Iterator[Frame]:
    """The marks of a table for those who have subscribed to single symbols."""
    for row in rows:
        if row.get("e") == "markPriceUpdate":
            symbol = str(row.get("s")).lower()
            yield Frame((f"{symbol}@markPrice@1s", f"{symbol}@markPrice"), msgspec.json.encode(row))


def _streams(message: Any, rows: list[dict[str, Any]]) -> tuple[str, ...]:
    """The stream it was recorded from, and those in which Binance would have sent it as well."""
    recorded = (str(message["stream"]),) if isinstance(message, dict) and "stream" in message else ()
    if any(row.get("e") == "markPriceUpdate" for row in rows):
        return tuple(dict.fromkeys((*recorded, f"{ALL_MARKS}@1s", ALL_MARKS)))
    symbols = [str(row["o"].get("s")).lower() for row in rows if isinstance(row.get("o"), dict)]
    return tuple(dict.fromkeys((*recorded, ALL_LIQUIDATIONS, *(f"{symbol}@forceOrder" for symbol in symbols))))


def read_recorded(paths: Iterable[Path]) -> Iterator[Recorded]:
    """The lines of recordings or of files of bare messages, plain or gzip; a torn end ends its file only.

    A directory stands for the recordings in it. A bare message without a time comes with the one before it.
    """
    before: UnixTime = 0.0
    for path in chain.from_iterable(sorted(p.glob("liqalert-*.jsonl.gz")) if p.is_dir() else (p,) for p in paths):
        for line in _lines(path):
            recorded = _recorded(line, before)
            before = recorded.at
            yield recorded


def holds_frames(paths: Iterable[Path]) -> bool:
    """Whether one of the first hundred lines is a frame: any other file of text would be served word for word."""
    return any(_is_frame(recorded) for recorded in islice(read_recorded(paths), 100))


def _is_frame(recorded: Recorded) -> bool:
    try:
        return recorded.kind == "frame" and isinstance(msgspec.json.decode(recorded.payload), dict | list)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _recorded(line: bytes, before: UnixTime) -> Recorded:
    try:
        known = msgspec.json.decode(line, type=_Line | list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Recorded(before, line)
    if isinstance(known, _Line) and known.kind:
        payload = known.b64 or msgspec.json.decode(known.data, type=str).encode()
        return Recorded(known.t, payload, known.kind)
    return Recorded(_sent_at(line) or before, line)


def _sent_at(message: bytes) -> UnixTime | None:
    """`E` of a bare message, of what a wrapper holds, or of an array's first row."""
    content: Any = msgspec.json.decode(message)
    if isinstance(content, dict) and "data" in content:
        content = content["data"]
    if isinstance(content, list) and content:
        content = content[0]
    sent_ms = content.get("E") if isinstance(content, dict) else None
    return sent_ms / 1000.0 if isinstance(sent_ms, int) else None


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if zipped else path.open("rb") as lines:
        try:
            yield from (line.strip() for line in lines if line.strip())
        except (EOFError, OSError, zlib.error):
            return
