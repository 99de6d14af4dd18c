"""What an exchange changes: new fields and events in its messages, contracts that end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from liqalert.app.notices.standing import Notice
from liqalert.core.market import FeedStatus


class ExchangeNotices:
    """Told once for ever: what is known of an exchange does not change by a restart."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def wire(self, feed: FeedStatus) -> Iterator[Notice]:
        new = [name for name in feed.unknown if f"{feed.exchange} {name}" not in self._told]
        if new:
            self._told.update(f"{feed.exchange} {name}" for name in new)
            yield Notice(
                "wire_format",
                f"{feed.exchange.capitalize()}'s messages have something new: {', '.join(new)}. liqalert leaves it out "
                "and goes on; look for a newer liqalert, because a change of meaning may be behind it.",
                once=f"{feed.exchange} {' '.join(new)}",
            )

    def listing(self, problems: Sequence[str]) -> Iterator[Notice]:
        for problem in problems:
            if problem not in self._told:
                self._told.add(problem)
                yield Notice("contract_ends", problem, once=problem)
