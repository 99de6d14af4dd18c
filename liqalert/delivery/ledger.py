"""Which deliveries are taken from an outbox, and what is written down of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence, Set

from liqalert.core.market import UnixTime
from liqalert.delivery.attempts import joined
from liqalert.delivery.settler import Settler
from liqalert.delivery.unrecorded import Unrecorded
from liqalert.ports import Delivery, Outbox, Outcome


class Ledger:
    """A delivery is busy from when it is taken until its outcome is safe; `stored` is called when one is."""

    def __init__(
        self,
        outbox: Outbox,
        unrecorded: Unrecorded,
        *,
        counts: Counter[tuple[str, str]],
        stored: Callable[[], None],
    ) -> None:
        self._settler = Settler(outbox, unrecorded, stored=self._stored)
        self._counts = counts
        self._call_stored = stored
        self._busy: dict[int, str] = {}
        """Each with the id of its alert."""
        self._joining: set[int] = set()
        """Those among them of which it is being written down that they join a digest."""

    @property
    def busy(self) -> Set[int]:
        return self._busy.keys()

    def is_sending(self, alert_id: str) -> bool:
        """Whether a delivery of that alert is taken which the database has."""
        return any(id_ > 0 and of == alert_id for id_, of in self._busy.items())

    @property
    def problem(self) -> str | None:
        return self._settler.problem

    async def run(self) -> None:
        await self._settler.run()

    def close(self) -> None:
        self._settler.close()

    def take(self, deliveries: Sequence[Delivery]) -> None:
        self._busy.update((delivery.id, delivery.alert.id) for delivery in deliveries)

    def join(self, delivery: Delivery, now: UnixTime) -> None:
        """It stays taken: this is no outcome."""
        if not delivery.in_digest:
            self._joining.add(delivery.id)
            self._settler.put(joined(delivery, now))

    def settle(self, delivery: Delivery, outcome: Outcome) -> None:
        self._busy[delivery.id] = delivery.alert.id
        if outcome.status is not delivery.status:
            self._counts[delivery.channel, outcome.status] += 1
        self._settler.put(outcome)

    def _stored(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.delivery_id in self._joining:
                self._joining.discard(outcome.delivery_id)
            else:
                self._busy.pop(outcome.delivery_id, None)
        self._call_stored()
