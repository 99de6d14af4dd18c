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


class Sorting:
    """Nothing here waits."""

    def __init__(self, departures: Departures, ledger: Ledger, cap: DailyCap, clock: Clock) -> None:
        self._departures = departures
        self._ledger = ledger
        self._cap = cap
        self._clock = clock

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

    def postpone(self, chat: Destination, until: UnixTime) -> None:
        """All that waits for `chat`."""
        now = self._clock.now()
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
