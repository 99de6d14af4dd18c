"""The first records of a recording's files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain

import msgspec

from liqalert.board import Board
from liqalert.core.engine import Engine
from liqalert.core.market import UnixTime
from liqalert.core.start import Start
from liqalert.core.strength import HISTORY_DAYS, DaySamples


class Opening:
    """What every file of a recording begins with: the first, what the daemon started from; later ones, the context.

    So any file can be replayed, under the rules and by the baselines that were in force when it was begun. One that is
    not the first begins without live clusters: they were built before it.
    """

    def __init__(self, start: Start, engine: Engine, board: Board) -> None:
        self._start = start
        self._engine = engine
        self._board = board
        self._begun = False
        self._samples: dict[str, list[DaySamples]] = {}
        """By UTC day, as of the last file."""
        self.answers: Callable[[], tuple[tuple[str, str, bytes], ...]] = tuple
        """The newest REST answers that were used."""

    def __call__(self, now: UnixTime) -> tuple[tuple[str, str, bytes], ...]:
        if not self._begun:
            start, self._start, self._begun = self._start, self._start.without_history(), True
            self._keep(start.samples)
            return (("start", "", msgspec.json.encode(start)),)
        states = ((("feed", exchange, msgspec.json.encode(status))) for exchange, status in self._board.feeds.items())
        return (("context", "", msgspec.json.encode(self._context(now))), *self.answers(), *states)

    def _context(self, now: UnixTime) -> Start:
        # A day that is over does not change any more, and a month of them would stop the loop for a fifth of a second.
        since_day = max(self._samples, default="")
        samples, open_interest = self._engine.baselines.history(since_day)
        self._keep(samples + self._engine.surges.baselines.history(since_day)[0])
        return replace(
            self._start,
            at=now,
            rules=self._engine.rules.all(),
            samples=tuple(chain.from_iterable(self._samples.values())),
            open_interest=open_interest,
        )

    def _keep(self, samples: Iterable[DaySamples]) -> None:
        """In place of what was known of their days; the oldest days are forgotten."""
        days: dict[str, list[DaySamples]] = {}
        for row in samples:
            days.setdefault(row.day, []).append(row)
        self._samples |= days
        for day in sorted(self._samples)[: -HISTORY_DAYS - 1]:
            del self._samples[day]
