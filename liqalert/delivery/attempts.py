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
STOPPED_CHANNEL_RETRY_S = 60.0

TOLD_LATE = "late: told in a list of what was missed"


class Step(StrEnum):
    """What is to be done with an unsettled delivery."""

    SEND = "send"
    TURN_LATE = "turn_late"
    LIST = "list"
    """Late already: it waits for the one message that lists what the chat has missed."""
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the channel said to one attempt: its id of the message, or why there is none."""

    message_id: str | None = None
    error: DeliveryError | None = None


def next_step(delivery: Delivery, now: UnixTime) -> Step:
    age_s = now - delivery.alert.decided_at
    if age_s >= DEAD_AFTER_S:
        return Step.GIVE_UP
    if delivery.status is DeliveryStatus.LATE:
        return Step.LIST
    return Step.TURN_LATE if age_s >= LATE_AFTER_S else Step.SEND


def turned_late(delivery: Delivery, now: UnixTime) -> Outcome:
    return Outcome(delivery.id, DeliveryStatus.LATE, delivery.attempts, now, now, error="not delivered in 15 min")


def given_up(delivery: Delivery, now: UnixTime) -> Outcome:
    return Outcome(delivery.id, DeliveryStatus.DEAD, delivery.attempts, now, now, error="not delivered in 24 h")


def postponed(delivery: Delivery, until: UnixTime, now: UnixTime) -> Outcome:
    """Not tried: its time has not come."""
    return Outcome(delivery.id, delivery.status, delivery.attempts, now, until)


def settled(delivery: Delivery, answer: Answer, *, now: UnixTime, random: Random) -> Outcome:
    """The outcome of one attempt at `delivery`, answered at `now`."""
    attempts, error = delivery.attempts + 1, answer.error
    if error is None:
        note = TOLD_LATE if delivery.status is DeliveryStatus.LATE else None
        return Outcome(delivery.id, DeliveryStatus.SENT, attempts, now, now, answer.message_id, note)
    # A channel that is refused as a whole says nothing about this message.
    if error.permanent and not error.channel_dead:
        return Outcome(delivery.id, DeliveryStatus.DEAD, attempts, now, now, error=str(error))
    due_at = now + _wait_s(error, attempts, random)
    return Outcome(delivery.id, delivery.status, attempts, now, due_at, error=str(error))


def _wait_s(error: DeliveryError, attempts: int, random: Random) -> float:
    if error.channel_dead:
        return STOPPED_CHANNEL_RETRY_S
    if error.retry_after_s is not None:
        return error.retry_after_s
    return retry_delay_s(attempts, random)
