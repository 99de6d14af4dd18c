"""The daily cap: so many messages with alerts a chat is sent in a UTC day, and then one notice."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping, Set

from liqalert.core.alerts import NOTICE, Alert
from liqalert.core.baselines import utc_day
from liqalert.core.identity import short_id
from liqalert.core.market import UnixTime
from liqalert.ports import Outbox, StorageError

log = logging.getLogger(__name__)

DAY_S = 86_400.0
PATIENCE_S = 3.0
"""An alert does not wait for the database longer than this."""


class DailyCap:
    """Counts from the database once per chat and day, then in memory. `tell` takes the notice to be recorded."""

    def __init__(self, cap: int, outbox: Outbox, tell: Callable[[Alert], None]) -> None:
        self._cap = cap
        self._outbox = outbox
        self._tell = tell
        self._day = -math.inf
        self._sent: dict[int, int] = {}
        """By chat, since the day began."""
        self._told: set[int] = set()

    @property
    def reason(self) -> str:
        return f"over the daily cap of {self._cap}"

    async def learn(self, chat_id: int, now: UnixTime) -> None:
        """Reads what has been sent today, where that is not known. What cannot be read does not count."""
        self._turn_page(now)
        if chat_id in self._sent:
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                sent = await self._outbox.messages_since(chat_id, now // DAY_S * DAY_S)
        except (StorageError, TimeoutError) as exc:
            log.warning("messages of the day cannot be counted", extra={"error": str(exc)})
        else:
            self._sent.setdefault(chat_id, sent)

    def learn_counts(self, counts: Mapping[int, int], now: UnixTime) -> None:
        """They have just been read, by chat."""
        self._turn_page(now)
        # What is known already counts messages as well whose outcomes are not written yet.
        for chat_id, count in counts.items():
            self._sent.setdefault(chat_id, count)

    def counted(self, now: UnixTime) -> Set[int]:
        """The chats of which it is known."""
        self._turn_page(now)
        return self._sent.keys()

    def reached(self, chat_id: int, now: UnixTime) -> bool:
        """As far as it is known: an alert too many is better than one too few."""
        self._turn_page(now)
        return self._sent.get(chat_id, 0) >= self._cap

    def count(self, chat_id: int, now: UnixTime) -> None:
        """A message has been sent."""
        self._turn_page(now)
        if chat_id in self._sent:
            self._sent[chat_id] += 1

    def tell(self, chat_id: int, now: UnixTime) -> None:
        """Gives the chat its notice, once a day; its id is the same after a restart."""
        if chat_id in self._told:
            return
        self._told.add(chat_id)
        text = (
            f"This chat has been sent {self._cap} messages with alerts today, the daily cap (alerts.daily_cap). "
            "No more are sent before 00:00 UTC; /alerts lists the rest."
        )
        id_ = short_id("cap", chat_id, utc_day(now))
        self._tell(Alert(id_, NOTICE, now, "daily_cap", text=text, only_chat=chat_id))

    def _turn_page(self, now: UnixTime) -> None:
        day = now // DAY_S
        if day != self._day:
            self._day, self._sent, self._told = day, {}, set()
