"""Names in Binance's messages that are not known: the sign of a new version of the format. Evidence in MAPPING.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from liqalert.feeds.binance_wire import UNREADABLE

NAME_LIMIT = 40

KNOWN: Mapping[str, frozenset[str]] = {
    "markPriceUpdate": frozenset(["e", "E", "s", "p", "ap", "P", "i", "r", "T", "st", "ps"]),
    "forceOrder": frozenset(["e", "E", "o", "st", "ps"]),
    "serverShutdown": frozenset(["e", "E"]),
}
KNOWN_OF_ORDER = frozenset(["s", "S", "o", "f", "q", "p", "ap", "X", "l", "z", "T", "st", "ps"])


def unknown_names(frame: bytes) -> tuple[str, ...]:
    """Like `markPriceUpdate.x`, `forceOrder.o.y` or `event kline`; each once. Never raises."""
    try:
        content = msgspec.json.decode(frame)
    except UNREADABLE:
        return ()
    if isinstance(content, dict) and "data" in content:
        content = content["data"]
    rows = content if isinstance(content, list) else [content]
    return tuple(dict.fromkeys(name for row in rows if isinstance(row, dict) for name in _unknown(row)))


def _unknown(row: Mapping[object, object]) -> Iterator[str]:
    event = row.get("e")
    if not isinstance(event, str):
        return
    if event not in KNOWN:
        yield f"event {_shown(event)}"
        return
    yield from (f"{event}.{_shown(name)}" for name in row if name not in KNOWN[event])
    order = row.get("o")
    if event == "forceOrder" and isinstance(order, dict):
        yield from (f"{event}.o.{_shown(name)}" for name in order if name not in KNOWN_OF_ORDER)


def _shown(name: object) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in str(name)[:NAME_LIMIT])
