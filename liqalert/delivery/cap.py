"""The daily cap: so many messages with alerts a chat is sent in a UTC day, and then one notice."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable

from liqalert.core.alerts import NOTICE, Alert
from liqalert.core.baselines import utc_day
from liqalert.core.identity import short_id
from liqalert.core.market import UnixTime
from liqalert.ports import Outbox, StorageError

log = logging.getLogger(__name__)

DAY_S = 86_400.0
PATIENCE_S = 3.0
"""An alert does not wait for the database longer than this."""
AGAIN_S = 10.0
"""After a reading that failed nobody waits for another one so soon."""


class DailyCap:
    """Counts from the database once for all chats, then in memory. `tell` takes the notice to be recorded."""

    def __init__(self, cap: int, outbox: Outbox, tell: Callable[[Alert], None]) -> None:
        self._cap = cap
        self._outbox = outbox
        self._tell = tell
        self._day = -math.inf
        self._sent: dict[int, int] | None = None
        """By chat, since the day began; None while that is not known."""
        self._told: set[int] = set()
        self._reading = asyncio.Lock()
        self._failed_s = -math.inf
        """When a reading last failed, in the loop's time."""

    @property
    def reason(self) -> str:
        return f"over the daily cap of {self._cap}"

    async def learn(self, now: UnixTime) -> None:
        """Reads what has been sent today, where that is not known. What cannot be read does not count."""
        self._turn_page(now)
        if self._sent is None:
            async with self._reading:
                waits_s = asyncio.get_running_loop().time() - self._failed_s
                if self._sent is None and waits_s >= AGAIN_S:
                    await self._read()

    def reached(self, chat_id: int, now: UnixTime) -> bool:
        """As far as it is known: an alert too many is better than one too few."""
        self._turn_page(now)
        return self._sent is not None and self._sent.get(chat_id, 0) >= self._cap

    def count(self, chat_id: int, now: UnixTime) -> None:
        """A message has been sent."""
        self._turn_page(now)
        if self._sent is not None:
            self._sent[chat_id] = self._sent.get(chat_id, 0) + 1

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

    async def _read(self) -> None:
        day = self._day
        try:
            async with asyncio.timeout(PATIENCE_S):
                sent = await self._outbox.messages_since(day * DAY_S)
        except (StorageError, TimeoutError) as exc:
            self._failed_s = asyncio.get_running_loop().time()
            log.warning("messages of the day cannot be counted", extra={"error": str(exc)})
        else:
            if day == self._day:
                self._sent = dict(sent)

    def _turn_page(self, now: UnixTime) -> None:
        day = now // DAY_S
        if day != self._day:
            # Of a day that has just begun it is known: nothing has been sent.
            begins = self._sent is not None and day > self._day
            self._day, self._sent, self._told = day, {} if begins else None, set()
