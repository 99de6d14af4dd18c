from __future__ import annotations

from dataclasses import replace

import pytest

from liqalert.delivery.attempts import Answer, Step, next_step, postponed, settled, turned_late
from liqalert.ports import Delivery, DeliveryError, DeliveryStatus
from tests.delivery.rig import NoJitter
from tests.fakes import near_alert

DECIDED = 1_795_392_000.0
DUE = Delivery(5, near_alert("one", DECIDED), 1, "telegram", "7", False, DeliveryStatus.DUE, 2, DECIDED, DECIDED)
LATE = replace(DUE, status=DeliveryStatus.LATE)
HELD = replace(DUE, status=DeliveryStatus.HELD)


@pytest.mark.parametrize(
    ("delivery", "age_s", "step"),
    [
        (DUE, 0.0, Step.SEND),
        (DUE, 899.9, Step.SEND),
        (DUE, 900.0, Step.TURN_LATE),
        (DUE, 86_400.0, Step.GIVE_UP),
        (LATE, 900.0, Step.LIST),
        (LATE, 86_399.0, Step.LIST),
        (LATE, 86_400.0, Step.GIVE_UP),
        (HELD, 0.0, Step.LIST),
        (HELD, 172_799.0, Step.LIST),
        (HELD, 172_800.0, Step.GIVE_UP),
    ],
)
def test_step_follows_from_status_and_age(delivery: Delivery, age_s: float, step: Step) -> None:
    assert next_step(delivery, DECIDED + age_s) is step


@pytest.mark.parametrize(
    ("error", "status", "wait_s"),
    [
        (DeliveryError("temporary"), DeliveryStatus.DUE, 4.0),
        (DeliveryError("flood", retry_after_s=77.0), DeliveryStatus.DUE, 77.0),
        (DeliveryError("permanent", permanent=True), DeliveryStatus.DEAD, 0.0),
        (DeliveryError("blocked", permanent=True, address_dead=True), DeliveryStatus.DEAD, 0.0),
        (DeliveryError("wrong token", permanent=True, channel_dead=True), DeliveryStatus.DUE, 60.0),
    ],
)
def test_third_attempt_that_fails(error: DeliveryError, status: DeliveryStatus, wait_s: float) -> None:
    outcome = settled(DUE, Answer(error=error), now=2000.0, random=NoJitter())

    assert (outcome.status, outcome.attempts, outcome.due_at - outcome.at) == (status, 3, wait_s)
    assert outcome.error == str(error)


def test_success_is_final_and_keeps_the_message_id() -> None:
    outcome = settled(DUE, Answer("99"), now=2000.0, random=NoJitter())

    assert (outcome.status, outcome.message_id, outcome.error) == (DeliveryStatus.SENT, "99", None)


def test_late_delivery_that_was_listed_says_that_it_was_late() -> None:
    outcome = settled(LATE, Answer("99"), now=2000.0, random=NoJitter())

    assert (outcome.status, outcome.error) == (DeliveryStatus.SENT, "late: told in a list of what was missed")


@pytest.mark.parametrize("delivery", [LATE, HELD])
def test_a_list_is_no_message_of_the_alerts_own(delivery: Delivery) -> None:
    """Else the list would be overwritten by what becomes of one alert in it."""
    assert settled(delivery, Answer("99"), now=2000.0, random=NoJitter()).message_id is None


def test_whatever_was_answered_was_an_attempt_and_waiting_was_none() -> None:
    assert settled(DUE, Answer("99"), now=2000.0, random=NoJitter()).attempted
    assert settled(DUE, Answer(error=DeliveryError("x")), now=2000.0, random=NoJitter()).attempted
    assert not postponed(DUE, 2060.0, 2000.0).attempted


def test_late_delivery_that_fails_stays_late() -> None:
    assert settled(LATE, Answer(error=DeliveryError("x")), now=2000.0, random=NoJitter()).status is DeliveryStatus.LATE


def test_turning_late_and_waiting_are_no_attempts() -> None:
    assert turned_late(DUE, 2000.0).attempts == 2
    assert postponed(DUE, 2060.0, 2000.0).attempts == 2
    assert postponed(LATE, 2060.0, 2000.0).status is DeliveryStatus.LATE
