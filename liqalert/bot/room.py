"""What a group is answered: not as often as Telegram lets a bot post there, for alerts need the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from liqalert.bot.gate import Gate
from liqalert.clock import Clock
from liqalert.core.market import UnixTime

ANSWERS = 12
"""In a minute, of the 20 messages that Telegram takes for a group. Of alerts, a cascade brings six at most."""
MINUTE_S = 60.0


class Room:
    """Counts what groups and channels are sent in answer. Beyond Telegram's limit the next alert would wait, too."""

    def __init__(self, gate: Gate, clock: Clock) -> None:
        self._gate = gate
        self._clock = clock
        self._answered: dict[int, deque[UnixTime]] = {}
        self._told_at: dict[int, UnixTime] = {}
        """When groups were told that they have to wait."""

    async def wait_s(self, chat_id: int, person: str | None) -> float:
        """How many seconds until there is room for an answer to `person`; 0 where there is.

        There always is for who is enrolled in person, and in a private chat.
        """
        sent: Sequence[UnixTime] = self._answered.get(chat_id, ())
        now = self._clock.now()
        if chat_id > 0 or len(sent) < ANSWERS or not _is_recent(sent[0], now) or await self._gate.knows(person):
            return 0.0
        return sent[0] + MINUTE_S - now

    def answered(self, chat_id: int, messages: int = 1) -> None:
        """So many messages have gone there, or been put in place of others, which counts alike."""
        sent = self._answered.setdefault(chat_id, deque(maxlen=ANSWERS))
        sent.extend([self._clock.now()] * messages)

    def may_tell(self, chat_id: int) -> bool:
        """Whether those who wait are due a sentence, once a minute; counts as told from now on."""
        now = self._clock.now()
        if _is_recent(self._told_at.get(chat_id, -MINUTE_S), now):
            return False
        self._told_at[chat_id] = now
        return True


def _is_recent(at: UnixTime, now: UnixTime) -> bool:
    """Not so where the clock has been set back since: nobody is to wait for that."""
    return 0.0 <= now - at < MINUTE_S
