"""Deliveries that the database has refused, kept in memory until it takes them."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from liqalert.core.alerts import Alert
from liqalert.core.market import UnixTime
from liqalert.delivery.routing import delivery_by, route
from liqalert.ports import Delivery, DeliveryStatus, Outbox, Outcome, Recipient, StorageError

MOST_ALERTS = 1000
UNSETTLED = (DeliveryStatus.DUE, DeliveryStatus.LATE, DeliveryStatus.HELD)


class AdoptingOutbox(Outbox, Protocol):
    """An Outbox that takes over what was delivered, or not yet, without it."""

    async def adopt(self, delivery: Delivery, outcome: Outcome) -> None:
        """Stores `delivery` under an id of its own; its alert is recorded. A later fan-out leaves that chat out."""
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    delivery: Delivery
    outcome: Outcome


class Unrecorded:
    """An outbox in memory. Ids are negative, so that they never meet those of the database."""

    def __init__(self) -> None:
        self._alerts: dict[str, dict[int, _Kept]] = {}
        """By alert id, oldest first."""
        self._alert_ids: dict[int, str] = {}
        """By delivery id."""
        self._open: dict[int, None] = {}
        """Ids of those that are not settled, oldest first."""
        self._ids = itertools.count(-1, -1)
        self._withheld: set[str] = set()
        """Ids of alerts that are about to come here, or are being handed over to the database."""
        self.dropped = 0
        """Alerts that made room for newer ones, since the start."""

    def __len__(self) -> int:
        """Alerts."""
        return len(self._alerts)

    def add(self, alert: Alert, recipients: Sequence[Recipient], now: UnixTime) -> None:
        """One delivery to each recipient who wants it now. An alert that is here already changes nothing."""
        self.release(alert.id)
        if alert.id in self._alerts:
            return
        ways = [(recipient, way) for recipient in recipients if (way := route(alert, recipient, now)) is not None]
        deliveries = [
            delivery_by(way, alert, recipient, now, id_=next(self._ids), recorded=False) for recipient, way in ways
        ]
        self._insert(alert.id, {each.id: _Kept(each, _fresh(each)) for each in deliveries})
        if len(self._alerts) > MOST_ALERTS:
            self._remove(next(iter(self._alerts)))
            self.dropped += 1

    def due(self, now: UnixTime, limit: int, exclude: Collection[int] = ()) -> tuple[Delivery, ...]:
        """As `Outbox.due`, but oldest alert first."""
        due = (each for each in self._unsettled() if each.due_at <= now and each.id not in exclude)
        return tuple(itertools.islice(due, limit))

    def next_due_at(self) -> UnixTime | None:
        return min((each.due_at for each in self._unsettled()), default=None)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Ids of alerts that were dropped meanwhile are passed over."""
        for outcome in outcomes:
            if (alert_id := self._alert_ids.get(outcome.delivery_id)) is None:
                continue
            delivery = _after(self._alerts[alert_id][outcome.delivery_id].delivery, outcome)
            self._alerts[alert_id][delivery.id] = _Kept(delivery, outcome)
            if delivery.status not in UNSETTLED:
                self._open.pop(delivery.id, None)

    def moved(self, channel: str, old_address: str, new_address: str) -> None:
        """The chat has a new address."""
        for kept in self._alerts.values():
            for id_, each in kept.items():
                if (each.delivery.channel, each.delivery.address) == (channel, old_address):
                    kept[id_] = replace(each, delivery=replace(each.delivery, address=new_address))

    def withhold(self, alert_id: str) -> None:
        """Its alert is about to come here, by `add`, or is not after all, by `release`."""
        self._withheld.add(alert_id)

    def release(self, alert_id: str) -> None:
        self._withheld.discard(alert_id)

    def alert_ids(self) -> frozenset[str]:
        """Alerts of which only what is kept here may be sent, even where the database has deliveries of them too: the
        write that was believed to be refused has succeeded after all, and does not know of what went out meanwhile."""
        return frozenset(self._alerts) | self._withheld

    def ids(self, alert_id: str) -> frozenset[int]:
        """The deliveries kept of an alert; empty when it is not here."""
        return frozenset(self._alerts.get(alert_id, ()))

    async def write(self, alert_id: str, outbox: AdoptingOutbox) -> None:
        """Hands an alert's deliveries over to `outbox`, with their outcomes. Raises StorageError; the rest stays here.

        Only for alerts that are recorded and of which nothing is being sent.
        """
        # Out of reach as long as that takes: what is handed over must not be given out here as well.
        if alert_id not in self._alerts:
            return
        kept = self._remove(alert_id)
        self.withhold(alert_id)
        try:
            for id_, each in list(kept.items()):
                await outbox.adopt(each.delivery, each.outcome)
                del kept[id_]
        except StorageError:
            self._insert(alert_id, kept)
            raise
        finally:
            self.release(alert_id)

    def _remove(self, alert_id: str) -> dict[int, _Kept]:
        kept = self._alerts.pop(alert_id, {})
        for id_ in kept:
            del self._alert_ids[id_]
            self._open.pop(id_, None)
        return kept

    def _insert(self, alert_id: str, kept: dict[int, _Kept]) -> None:
        self._alerts[alert_id] = kept
        for id_, each in kept.items():
            self._alert_ids[id_] = alert_id
            if each.delivery.status in UNSETTLED:
                self._open[id_] = None

    def _unsettled(self) -> Iterator[Delivery]:
        return (self._alerts[self._alert_ids[id_]][id_].delivery for id_ in self._open)


def _fresh(delivery: Delivery) -> Outcome:
    """Nothing has been tried."""
    return Outcome(delivery.id, delivery.status, 0, delivery.created_at, delivery.due_at)


def _after(delivery: Delivery, outcome: Outcome) -> Delivery:
    return replace(
        delivery,
        status=outcome.status,
        attempts=outcome.attempts,
        due_at=outcome.due_at,
        message_id=outcome.message_id,
        in_digest=outcome.in_digest,
    )
