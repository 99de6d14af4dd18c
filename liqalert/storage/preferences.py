"""A chat's preferences as JSON and back. Pure, but for a line in the log."""

from __future__ import annotations

import logging
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from liqalert.ports import NO_PREFERENCES, Preferences

log = logging.getLogger(__name__)

DAY_MIN = 24 * 60


def preferences_from(content: str | None) -> Preferences:
    """What cannot be read, a newer liqalert's perhaps, counts as nothing chosen: a chat is told rather than not."""
    return NO_PREFERENCES if content is None else _decoded(content)


def preferences_text(preferences: Preferences) -> str:
    return msgspec.json.encode(preferences).decode()


@lru_cache(maxsize=1024)
def _decoded(content: str) -> Preferences:
    """Kept, because many chats choose the same; so what cannot be read is logged once, not for every alert."""
    try:
        preferences = msgspec.json.decode(content, type=Preferences)
        _check_quiet_hours(preferences)
    except (msgspec.DecodeError, ValueError, KeyError, OSError) as exc:
        log.warning("preferences cannot be read", extra={"content": content, "error": str(exc)})
        return NO_PREFERENCES
    return preferences


def _check_quiet_hours(preferences: Preferences) -> None:
    """Raises ValueError or KeyError for hours that mean nothing here: this machine may know fewer zones than the last.

    ZoneInfo raises OSError for a name that is a directory.
    """
    quiet = preferences.quiet
    if quiet is None:
        return
    if not 0 <= quiet.start < DAY_MIN or not 0 <= quiet.end < DAY_MIN:
        raise ValueError(f"minutes of a day reach from 0 to {DAY_MIN - 1}")
    ZoneInfo(quiet.zone_name)
