"""How fast messages may leave a channel, and when a failed one is tried again. Pure: time and chance are passed in."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from random import Random

PER_CHAT_S = 1.0
"""One message a second to one chat."""
GROUP_LIMIT, GROUP_WINDOW_S = 20, 60.0
TOTAL_LIMIT, TOTAL_WINDOW_S = 30, 1.0

RETRY_DELAYS_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
JITTER = 0.2
"""A delay is up to this share longer, so that chats that failed together do not come back together."""


def retry_delay_s(attempts: int, random: Random) -> float:
    """How long to wait after the `attempts`-th failure in a row (1 is the first): 1 to 30 s, plus up to 20 %."""
    base = RETRY_DELAYS_S[min(attempts, len(RETRY_DELAYS_S)) - 1]
    return base * (1.0 + JITTER * random.random())


class Pacing:
    """One channel's pace. Times are seconds of a clock that never goes back; they must not decrease from call to call.

    Telegram allows about one message a second to a chat, 20 a minute to a group, and 30 a second in all
    (Bot FAQ, "My bot is hitting limits"). Groups have negative ids.
    """

    def __init__(self) -> None:
        self._newest: deque[float] = deque(maxlen=TOTAL_LIMIT)
        self._by_address: OrderedDict[str, deque[float]] = OrderedDict()
        self._parked: dict[str, float] = {}

    def ready_at(self, address: str) -> float:
        """The earliest time at which a message may leave for `address`; minus infinity when it always may."""
        earliest = [self._parked.get(address, -math.inf)]
        if len(self._newest) == TOTAL_LIMIT:
            earliest.append(self._newest[0] + TOTAL_WINDOW_S)
        sent = self._by_address.get(address)
        if sent:
            earliest.append(sent[-1] + PER_CHAT_S)
            if len(sent) == GROUP_LIMIT and address.startswith("-"):
                earliest.append(sent[0] + GROUP_WINDOW_S)
        return max(earliest)

    def leaves(self, address: str, at: float) -> None:
        """A message leaves for `address`."""
        self._newest.append(at)
        self._by_address.setdefault(address, deque(maxlen=GROUP_LIMIT)).append(at)
        self._by_address.move_to_end(address)
        self._forget(at)

    def park(self, address: str, until: float) -> None:
        """Nothing leaves for `address` before `until`. No other address is delayed."""
        self._parked[address] = max(until, self._parked.get(address, -math.inf))

    def _forget(self, at: float) -> None:
        """Drops what no longer counts: with 100,000 chats, memory holds those of the last minute."""
        while self._by_address:
            address, sent = next(iter(self._by_address.items()))
            if sent[-1] > at - GROUP_WINDOW_S:
                break
            del self._by_address[address]
        if len(self._parked) > 1000:
            self._parked = {address: until for address, until in self._parked.items() if until > at}
