from __future__ import annotations

from liqalert.delivery.unrecorded import Unrecorded
from liqalert.ports import DeliveryStatus, Outcome
from tests.delivery.rig import chats
from tests.fakes import near_alert


def test_ids_never_meet_those_of_the_database() -> None:
    unrecorded = Unrecorded()

    unrecorded.add(near_alert("one"), chats(1, 2), 1000.0)

    assert all(each.id < 0 and not each.recorded for each in unrecorded.due(1000.0, 10_000))


def test_same_alert_twice_is_kept_once() -> None:
    unrecorded = Unrecorded()

    unrecorded.add(near_alert("one"), chats(1), 1000.0)
    before = unrecorded.due(2000.0, 10_000)
    unrecorded.add(near_alert("one"), chats(1), 1001.0)

    assert unrecorded.due(2000.0, 10_000) == before


def test_alert_1001_makes_the_oldest_leave_and_is_counted() -> None:
    unrecorded = Unrecorded()

    for number in range(1001):
        unrecorded.add(near_alert(f"alert{number}"), chats(1), 1000.0)

    kept = [each.alert.id for each in unrecorded.due(1000.0, 10_000)]
    assert (len(kept), kept[0], unrecorded.dropped) == (1000, "alert1", 1)


def test_failed_attempt_is_due_again_at_its_time_and_a_sent_one_never() -> None:
    unrecorded = Unrecorded()
    unrecorded.add(near_alert("one"), chats(1, 2), 1000.0)
    first, second = unrecorded.due(1000.0, 10_000)

    unrecorded.settle(
        [
            Outcome(first.id, DeliveryStatus.DUE, 1, 1001.0, 1002.0),
            Outcome(second.id, DeliveryStatus.SENT, 1, 1001.0, 1001.0),
            Outcome(-99, DeliveryStatus.SENT, 1, 1001.0, 1001.0),
        ]
    )

    assert unrecorded.due(1001.9, 10_000) == ()
    assert [(each.id, each.attempts) for each in unrecorded.due(1002.0, 10_000)] == [(first.id, 1)]
    assert unrecorded.next_due_at() == 1002.0


def test_the_next_is_due_when_the_first_of_all_is() -> None:
    unrecorded = Unrecorded()
    unrecorded.add(near_alert("one"), chats(1, 2, 3), 1000.0)
    deliveries = unrecorded.due(1000.0, 10_000)

    unrecorded.settle(
        [
            Outcome(each.id, DeliveryStatus.DUE, 1, 1001.0, due_at)
            for each, due_at in zip(deliveries, (1008.0, 1002.0, 1004.0), strict=True)
        ]
    )

    assert unrecorded.next_due_at() == 1002.0


def test_moved_chat_is_reached_at_its_new_address() -> None:
    unrecorded = Unrecorded()
    unrecorded.add(near_alert("one"), chats(-5, 6), 1000.0)

    unrecorded.moved("telegram", "-5", "-1005")

    assert [each.address for each in unrecorded.due(1000.0, 10_000)] == ["-1005", "6"]
