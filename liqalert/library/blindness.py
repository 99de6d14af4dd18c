"""What an answer does while what it rests on may be out of date."""

from __future__ import annotations

from datetime import datetime
from threading import Lock
from typing import get_args

from liqalert.library.errors import NotLiveError, StaleDataWarning, warn
from liqalert.library.options import WhenBlind, one_of


class Blindness:
    """Warns once for each outage, raises, or says nothing. Any thread may ask."""

    def __init__(self, when_blind: WhenBlind) -> None:
        one_of("when_blind", when_blind, get_args(WhenBlind))
        self._when_blind = when_blind
        self._warned = False
        self._lock = Lock()

    def judge(self, problem: str | None, as_of: datetime | None) -> None:
        """`problem`: why the feed is not proven alive; None while it is. Raises NotLiveError where that was asked for.

        Warns with StaleDataWarning, where that was asked for, at the first call of each outage.
        """
        if problem is None:
            self._warned = False
            return
        known = f"what is known is as of {as_of:%Y-%m-%d %H:%M:%S} UTC" if as_of else "nothing is known yet"
        sentence = f"not proven alive, {known}: {problem}"
        if self._when_blind == "raise":
            raise NotLiveError(sentence)
        with self._lock:
            first, self._warned = not self._warned, True
        if first and self._when_blind == "warn":
            warn(sentence, StaleDataWarning)
