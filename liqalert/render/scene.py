"""Where and when something is read: the time zone, the moment, the way numbers are written."""

from __future__ import annotations

from dataclasses import dataclass

from liqalert.core.market import UnixTime
from liqalert.render.numbers import NumberStyle, clock_time


@dataclass(frozen=True, slots=True)
class Scene:
    """`zone_name` is an IANA name; a message leaves at `now`; `page_url` is where its reader reaches the page."""

    zone_name: str
    now: UnixTime
    numbers: NumberStyle = NumberStyle.POINT
    page_url: str | None = None

    def clock(self, at: UnixTime) -> str:
        """`14:05 UTC`, with the day where it is another than today."""
        return clock_time(at, self.zone_name, self.now)
