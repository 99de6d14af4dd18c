"""What an exchange changes: new fields and events in its messages, contracts that end."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from liqalert.app.notices.standing import Notice
from liqalert.core.market import FeedStatus

log = logging.getLogger(__name__)

MOST_APART = 3


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
        """Together when there are many: a list that came back short must not hold up alerts with a message for each."""
        new = [problem for problem in problems if problem not in self._told]
        self._told.update(new)
        if len(new) > MOST_APART:
            more = f"The same or the like of {len(new) - MOST_APART} more contracts: the log names them."
            log.warning("contracts end", extra={"problems": new})
            yield Notice("contract_ends", "\n".join((*new[:MOST_APART], more)), once=" ".join(new))
        else:
            for problem in new:
                yield Notice("contract_ends", problem, once=problem)
