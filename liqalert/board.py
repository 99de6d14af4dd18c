"""The latest Snapshot and the feeds' states: all that bot and web read. Loop thread only, replaced by assignment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from liqalert.core.engine import Snapshot
from liqalert.core.market import FeedStatus


@dataclass(slots=True)
class Board:
    """What is known now. Readers take `snapshot` once and use it to the end: it never changes under them."""

    snapshot: Snapshot
    feeds: Mapping[str, FeedStatus] = field(default_factory=dict)
    """By exchange."""
    banner: str | None = None
    """What every screen must say whatever happens, like 'simulated market'."""
    warnings: tuple[str, ...] = ()
    """Sentences about liqalert itself that every answer should carry, like 'not recorded: database unwritable'."""

    def feed_changed(self, status: FeedStatus) -> None:
        self.feeds = {**self.feeds, status.exchange: status}

    def mute(self) -> tuple[str, ...]:
        """One sentence for each feed whose marks come and whose liquidations do not or are refused, or that is late."""
        may_be = "{} sends marks and no liquidations: that stream may be mute."
        return tuple(
            status.refused or status.late or may_be.format(status.exchange.capitalize())
            for status in self.feeds.values()
            if status.alive and (status.refused or status.late or status.mute_since is not None)
        )

    def said_above(self) -> tuple[str, ...]:
        """The sentences that stand above every answer."""
        return (self.banner, *self.warnings) if self.banner else self.warnings
