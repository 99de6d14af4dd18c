"""The first records of a recording's files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec

from liqalert.board import Board
from liqalert.core.market import UnixTime
from liqalert.core.start import Start


class Opening:
    """What every file of a recording begins with: the first, what the daemon started from; later ones, the context.

    So any file can be replayed. One that is not the first begins without live clusters: they were built before it.
    """

    def __init__(self, start: Start, board: Board) -> None:
        self._start = start
        self._board = board
        self._begun = False
        self.answers: Callable[[], tuple[tuple[str, str, bytes], ...]] = tuple
        """The newest REST answers that were used."""

    def __call__(self, now: UnixTime) -> tuple[tuple[str, str, bytes], ...]:
        if not self._begun:
            start, self._start, self._begun = self._start, self._start.without_history(), True
            return (("start", "", msgspec.json.encode(start)),)
        context = replace(self._start, at=now)
        states = ((("feed", exchange, msgspec.json.encode(status))) for exchange, status in self._board.feeds.items())
        return (("context", "", msgspec.json.encode(context)), *self.answers(), *states)
