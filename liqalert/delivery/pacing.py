"""How fast messages may leave a channel, and when a failed one is tried again. Pure: time and chance are passed in."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from dataclasses import dataclass
from random import Random

from liqalert.ports.places import chat_of

RETRY_DELAYS_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
JITTER = 0.2
"""A delay is up to this share longer, so that chats that failed together do not come back together."""


def retry_delay_s(attempts: int, random: Random) -> float:
    """How long to wait after the `attempts`-th failure in a row (1 is the first): 1 to 30 s, plus up to 20 %."""
    base = RETRY_DELAYS_S[min(attempts, len(RETRY_DELAYS_S)) - 1]
    return base * (1.0 + JITTER * random.random())


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` messages in any `window_s` seconds."""

    count: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What a channel allows."""

    per_chat_s: float
    """From one message to a chat to the next."""
    per_group: Limit | None = None
    in_all: Limit | None = None


TELEGRAM_PACE = Pace(1.0, per_group=Limit(20, 60.0), in_all=Limit(30, 1.0))
"""About one message a second to a chat, 20 a minute to a group, and 30 a second in all (Bot FAQ, "My bot is hitting
limits"). Groups have negative ids."""
FREE_PACE = Pace(0.25)
"""Of a channel without limits: just enough for the outcome of one message to be written before the next leaves."""


class Pacing:
    """One channel's pace. Times are seconds of a clock that never goes back; they must not decrease from call to call.

    The limits of a chat hold for all its topics together.
    """

    def __init__(self, pace: Pace = TELEGRAM_PACE) -> None:
        self._pace = pace
        self._newest: deque[float] = deque(maxlen=pace.in_all.count if pace.in_all else 0)
        self._by_chat: OrderedDict[str, deque[float]] = OrderedDict()
        self._parked: dict[str, float] = {}

    def ready_at(self, address: str, share: float = 1.0) -> float:
        """The earliest time at which a message may leave for `address`; minus infinity when it always may.

        A `share` below 1 leaves the rest of each limit, but for that of the single chat, to others.
        """
        chat = chat_of(address)
        earliest = [self._parked.get(where, -math.inf) for where in (chat, address)]
        earliest.append(_room_at(self._newest, self._pace.in_all, share))
        sent = self._by_chat.get(chat)
        if sent:
            earliest.append(sent[-1] + self._pace.per_chat_s)
            if chat.startswith("-"):
                earliest.append(_room_at(sent, self._pace.per_group, share))
        return max(earliest)

    def leaves(self, address: str, at: float) -> None:
        """A message leaves for `address`."""
        chat = chat_of(address)
        self._newest.append(at)
        self._by_chat.setdefault(chat, deque(maxlen=self._kept)).append(at)
        self._by_chat.move_to_end(chat)
        self._forget(at)

    def left_later(self, address: str, reserved_at: float, at: float) -> None:
        """The message whose place was taken at `reserved_at` has left only at `at`."""
        for places in (self._newest, self._by_chat.get(chat_of(address))):
            if places is not None and reserved_at in places:
                places.remove(reserved_at)
                places.append(at)

    def park(self, address: str, until: float) -> None:
        """Nothing leaves for `address` before `until`, nor for its chat's other topics. No other chat is delayed."""
        self.park_alone(chat_of(address), until)

    def park_alone(self, address: str, until: float) -> None:
        """The same for a topic, without the others of its chat."""
        self._parked[address] = max(until, self._parked.get(address, -math.inf))

    @property
    def _kept(self) -> int:
        return self._pace.per_group.count if self._pace.per_group else 1

    def _forget(self, at: float) -> None:
        """Drops what no longer counts: with 100,000 chats, memory holds those of the last minute."""
        kept_s = max(self._pace.per_chat_s, self._pace.per_group.window_s if self._pace.per_group else 0.0)
        while self._by_chat:
            chat, sent = next(iter(self._by_chat.items()))
            if sent[-1] > at - kept_s:
                break
            del self._by_chat[chat]
        if len(self._parked) > 1000:
            self._parked = {chat: until for chat, until in self._parked.items() if until > at}


def _room_at(sent: deque[float], limit: Limit | None, share: float) -> float:
    """When there is room for one more, by the times of the newest messages."""
    if limit is None:
        return -math.inf
    count = max(1, int(limit.count * share))
    return sent[-count] + limit.window_s if len(sent) >= count else -math.inf
