"""Where a delivery goes that is taken: to the departures, or out of them again with an outcome, unsent."""

from __future__ import annotations

from collections.abc import Sequence

from liqalert.clock import Clock
from liqalert.core.market import UnixTime
from liqalert.delivery.attempts import Step, given_up, next_step, postponed, refused, turned_late
from liqalert.delivery.cap import DailyCap
from liqalert.delivery.channels import loop_now
from liqalert.delivery.departures import Departures
from liqalert.delivery.ledger import Ledger
from liqalert.delivery.letters import Letter
from liqalert.delivery.storms import Destination
from liqalert.ports import Delivery

SAME_MOMENT_S = 1.0


class Sorting:
    """Nothing here waits."""

    def __init__(self, departures: Departures, ledger: Ledger, cap: DailyCap, clock: Clock) -> None:
        self._departures = departures
        self._ledger = ledger
        self._cap = cap
        self._clock = clock
        self._again_at: dict[Destination, UnixTime] = {}
        """When what was refused for now is due again, by chat; some of it has been since."""

    def sort(self, deliveries: Sequence[Delivery], now: UnixTime) -> None:
        """Those on which a list is to be made stay where they are."""
        for delivery in deliveries:
            step = next_step(delivery, now)
            if step is Step.SEND:
                self._ledger.take([delivery])
                if self._departures.add_alert(delivery, loop_now()):
                    self._ledger.join(delivery, now)
            elif step is Step.TURN_LATE:
                self._ledger.settle(delivery, turned_late(delivery, now))
            elif step is Step.GIVE_UP:
                self._ledger.settle(delivery, given_up(delivery, now))

    def try_again(self, chat: Destination, at: UnixTime) -> None:
        """What was refused for now is in the outbox until then."""
        now = self._clock.now()
        self._again_at = {other: due_at for other, due_at in self._again_at.items() if due_at > now}
        self._again_at[chat] = at

    def tries_again(self, chat: Destination) -> bool:
        return self._again_at.get(chat, 0.0) > self._clock.now()

    def postpone(self, chat: Destination, wait_s: float) -> None:
        """All that waits for `chat`: it comes due with what is tried again there, and so in its old order."""
        now = self._clock.now()
        # Whole milliseconds: what is postponed in several steps comes due at the same moment, too.
        until = round(now + wait_s, 3)
        again_at = self._again_at.get(chat, 0.0)
        # They are the same moment, unless the clock has been set since.
        if abs(again_at - until) < SAME_MOMENT_S:
            until = again_at
        for letter in self._departures.take_all(chat):
            self._departures.dropped(letter)
            for delivery in letter.deliveries:
                self._ledger.settle(delivery, postponed(delivery, until, now))

    def refuse(self, letter: Letter) -> None:
        """The chat's daily cap is reached."""
        now = self._clock.now()
        self._departures.dropped(letter)
        self._cap.tell(letter.chat_id, now)
        for delivery in letter.deliveries:
            self._ledger.settle(delivery, refused(delivery, self._cap.reason, now))
