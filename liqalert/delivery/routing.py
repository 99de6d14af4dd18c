"""Whether one chat is told of one alert, and how loudly. Pure."""

from __future__ import annotations

from enum import StrEnum

from liqalert.core.market import UnixTime
from liqalert.ports import Recipient


class Loudness(StrEnum):
    """How a message arrives."""

    LOUD = "loud"
    SILENT = "silent"
    OFF = "off"


def loudness(recipient: Recipient, now: UnixTime) -> Loudness:
    """How `recipient` is told of an alert decided at `now`; off while muted."""
    if recipient.muted_until is not None and now < recipient.muted_until:
        return Loudness.OFF
    return Loudness(recipient.loudness)
