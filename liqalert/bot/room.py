"""What a group is answered: not as often as Telegram lets a bot post there, for alerts need the rest."""

from __future__ import annotations

from collections import deque

from liqalert.clock import Clock
from liqalert.core.market import UnixTime

ANSWERS = 12
"""In a minute, of the 20 messages that Telegram takes for a group. Of alerts, a cascade brings six at most."""
MINUTE_S = 60.0


class Room:
    """Counts what groups and channels are sent in answer. Beyond Telegram's limit the next alert would wait, too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answered: dict[int, deque[UnixTime]] = {}
        self._told: set[int] = set()
        """Groups that know that they have to wait."""

    def wait_s(self, chat_id: int) -> float:
        """How many seconds until there is room for an answer; 0 where there is. A private chat has no such limit."""
        sent, now = self._answered.get(chat_id), self._clock.now()
        if chat_id > 0 or not sent or len(sent) < ANSWERS or not 0.0 <= now - sent[0] < MINUTE_S:
            self._told.discard(chat_id)
            return 0.0
        return sent[0] + MINUTE_S - now

    def answered(self, chat_id: int, messages: int = 1) -> None:
        """So many messages have gone there, or been put in place of others, which counts alike."""
        sent = self._answered.setdefault(chat_id, deque(maxlen=ANSWERS))
        sent.extend([self._clock.now()] * messages)

    def may_tell(self, chat_id: int) -> bool:
        """Whether those who wait are to be told; once, until there is room again."""
        told = chat_id in self._told
        self._told.add(chat_id)
        return not told
