"""Deliveries that the database has refused, kept in memory until it takes them."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from liqalert.core.alerts import Alert
from liqalert.core.market import UnixTime
from liqalert.delivery.routing import Loudness, loudness
from liqalert.ports import Delivery, DeliveryStatus, Outbox, Outcome, Recipient, StorageError

MOST_ALERTS = 1000
UNSETTLED = (DeliveryStatus.DUE, DeliveryStatus.LATE)


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
        self._ids = itertools.count(-1, -1)
        self.dropped = 0
        """Alerts that made room for newer ones, since the start."""

    def add(self, alert: Alert, recipients: Sequence[Recipient], now: UnixTime) -> None:
        """One delivery to each recipient who wants it now. An alert that is here already changes nothing."""
        if alert.id in self._alerts:
            return
        self._alerts[alert.id] = {}
        for recipient in recipients:
            volume = loudness(recipient, now)
            if volume is not Loudness.OFF:
                self._keep(_delivery(next(self._ids), alert, recipient, volume, now))
        if len(self._alerts) > MOST_ALERTS:
            del self._alerts[next(iter(self._alerts))]
            self.dropped += 1

    def due(self, now: UnixTime, exclude: Collection[int]) -> tuple[Delivery, ...]:
        return tuple(each for each in self._unsettled() if each.due_at <= now and each.id not in exclude)

    def next_due_at(self) -> UnixTime | None:
        return min((each.due_at for each in self._unsettled()), default=None)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Ids of alerts that were dropped meanwhile are passed over."""
        for outcome in outcomes:
            for kept in self._alerts.values():
                if outcome.delivery_id in kept:
                    delivery = kept[outcome.delivery_id].delivery
                    kept[delivery.id] = _Kept(_after(delivery, outcome), outcome)

    def moved(self, channel: str, old_address: str, new_address: str) -> None:
        """The chat has a new address."""
        for kept in self._alerts.values():
            for id_, each in kept.items():
                if (each.delivery.channel, each.delivery.address) == (channel, old_address):
                    kept[id_] = replace(each, delivery=replace(each.delivery, address=new_address))

    def ids(self, alert_id: str) -> frozenset[int]:
        """The deliveries kept of an alert; empty when it is not here."""
        return frozenset(self._alerts.get(alert_id, ()))

    async def write(self, alert_id: str, outbox: AdoptingOutbox) -> None:
        """Hands an alert's deliveries over to `outbox`, with their outcomes. Raises StorageError; the rest stays here.

        Only for alerts that are recorded and of which nothing is being sent.
        """
        kept = self._alerts.pop(alert_id, {})
        try:
            for id_, each in list(kept.items()):
                await outbox.adopt(each.delivery, each.outcome)
                del kept[id_]
        except StorageError:
            self._alerts[alert_id] = kept
            raise

    def _keep(self, delivery: Delivery) -> None:
        fresh = Outcome(delivery.id, delivery.status, 0, delivery.created_at, delivery.due_at)
        self._alerts[delivery.alert.id][delivery.id] = _Kept(delivery, fresh)

    def _unsettled(self) -> tuple[Delivery, ...]:
        every = (each.delivery for kept in self._alerts.values() for each in kept.values())
        return tuple(delivery for delivery in every if delivery.status in UNSETTLED)


def _delivery(id_: int, alert: Alert, recipient: Recipient, volume: Loudness, now: UnixTime) -> Delivery:
    return Delivery(
        id=id_,
        alert=alert,
        chat_id=recipient.chat_id,
        channel=recipient.channel,
        address=recipient.address,
        silent=volume is Loudness.SILENT,
        status=DeliveryStatus.DUE,
        attempts=0,
        created_at=now,
        due_at=now,
        recorded=False,
    )


def _after(delivery: Delivery, outcome: Outcome) -> Delivery:
    return replace(delivery, status=outcome.status, attempts=outcome.attempts, due_at=outcome.due_at)
