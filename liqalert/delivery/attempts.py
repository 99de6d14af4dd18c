"""What is to be done with a delivery now, and what the answer to an attempt means for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from liqalert.core.market import UnixTime
from liqalert.delivery.pacing import retry_delay_s
from liqalert.ports import Delivery, DeliveryError, DeliveryStatus, Outcome

LATE_AFTER_S = 15 * 60.0
"""An alert this old is no longer sent as an alert."""
DEAD_AFTER_S = 24 * 3600.0
HELD_DEAD_AFTER_S = 48 * 3600.0
"""Quiet hours last a day at most, so that at least a day of attempts follows them."""
STOPPED_CHANNEL_RETRY_S = 60.0

NOTES = {
    DeliveryStatus.LATE: "late: told in a list of what was missed",
    DeliveryStatus.HELD: "held: told in a list when quiet hours had ended",
}
"""What is noted of a delivery that was told in a list, by the status it had."""


class Step(StrEnum):
    """What is to be done with an unsettled delivery."""

    SEND = "send"
    TURN_LATE = "turn_late"
    LIST = "list"
    """Late or held: it waits for the one message that lists what the chat has not been told."""
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the channel said to one attempt: its id of the message, or why there is none."""

    message_id: str | None = None
    error: DeliveryError | None = None
    also: tuple[Delivery, ...] = ()
    """Told before, and now by the message of this id as well."""


def next_step(delivery: Delivery, now: UnixTime) -> Step:
    age_s = now - delivery.alert.decided_at
    if delivery.status is DeliveryStatus.HELD:
        return Step.GIVE_UP if age_s >= HELD_DEAD_AFTER_S else Step.LIST
    if age_s >= DEAD_AFTER_S:
        return Step.GIVE_UP
    if delivery.status is DeliveryStatus.LATE:
        return Step.LIST
    return Step.TURN_LATE if age_s >= LATE_AFTER_S else Step.SEND


def turned_late(delivery: Delivery, now: UnixTime) -> Outcome:
    return Outcome(delivery.id, DeliveryStatus.LATE, delivery.attempts, now, now, error="not delivered in 15 min")


def given_up(delivery: Delivery, now: UnixTime) -> Outcome:
    waited = "48 h, quiet hours among them" if delivery.status is DeliveryStatus.HELD else "24 h"
    return Outcome(delivery.id, DeliveryStatus.DEAD, delivery.attempts, now, now, error=f"not delivered in {waited}")


def refused(delivery: Delivery, reason: str, now: UnixTime) -> Outcome:
    """It is not sent at all."""
    return Outcome(delivery.id, DeliveryStatus.DEAD, delivery.attempts, now, now, error=reason)


def postponed(delivery: Delivery, until: UnixTime, now: UnixTime) -> Outcome:
    """Not tried: its time has not come."""
    return Outcome(delivery.id, delivery.status, delivery.attempts, now, until, in_digest=delivery.in_digest)


def joined(delivery: Delivery, now: UnixTime) -> Outcome:
    """Not tried: it will be told in a digest. Written down, so that after a crash it is not told alone."""
    return Outcome(delivery.id, delivery.status, delivery.attempts, now, delivery.due_at, in_digest=True)


def retold(delivery: Delivery, message_id: str, now: UnixTime) -> Outcome:
    """Sent before, as one of a digest whose messages have become more."""
    return Outcome(delivery.id, DeliveryStatus.SENT, delivery.attempts, now, now, message_id, in_digest=True)


def settled(delivery: Delivery, answer: Answer, *, now: UnixTime, random: Random) -> Outcome:
    """The outcome of one attempt at `delivery`, answered at `now`."""
    status, due_at, message_id, note = delivery.status, now, None, None
    attempts, error = delivery.attempts + 1, answer.error
    if error is None:
        status, note = DeliveryStatus.SENT, NOTES.get(delivery.status)
        # A list is no message of the alert's own: it stays as it is, whatever becomes of the alert.
        message_id = answer.message_id if note is None else None
    elif error.permanent and not error.channel_dead:
        # A channel that is refused as a whole says nothing about this message.
        status = DeliveryStatus.DEAD
    else:
        due_at = now + retry_in_s(error, attempts, random)
    return Outcome(
        delivery_id=delivery.id,
        status=status,
        attempts=attempts,
        at=now,
        due_at=due_at,
        message_id=message_id,
        error=note if error is None else str(error),
        attempted=True,
        in_digest=delivery.in_digest,
    )


def retry_in_s(error: DeliveryError, attempts: int, random: Random) -> float:
    """How long to wait after a temporary error, the `attempts`-th in a row."""
    if error.channel_dead:
        return STOPPED_CHANNEL_RETRY_S
    if error.retry_after_s:  # 0 says that it may be tried again, not that it may be tried without end
        return error.retry_after_s
    return retry_delay_s(attempts, random)
