"""What a button sends back when it is pressed: short, versioned, and read without trust."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "1"
LIMIT = 64
"""Telegram's, in bytes."""


@dataclass(frozen=True, slots=True)
class Press:
    """A button that was pressed, as our own words: `mute`, (`ab12cd34`,)."""

    action: str
    arguments: tuple[str, ...] = ()


def callback_data(action: str, *arguments: str) -> str:
    """Raises ValueError for what does not fit: buttons are made of ids and short words only."""
    data = ":".join((VERSION, action, *arguments))
    if len(data.encode()) > LIMIT or data.count(":") > len(arguments) + 1:
        raise ValueError(f"callback data {data!r} must have at most {LIMIT} bytes and no colon in a part")
    return data


def press_of(data: str) -> Press | None:
    """None for what another version of liqalert, or somebody else, has written."""
    version, *parts = data.split(":")
    if version != VERSION or not parts or not parts[0] or len(data.encode(errors="replace")) > LIMIT:
        return None
    return Press(parts[0], tuple(parts[1:]))
