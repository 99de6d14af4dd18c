"""What leaves alone, and what joins the digest of its chat."""

from __future__ import annotations

from liqalert.delivery.departures import Departures
from liqalert.ports import Delivery, DeliveryStatus
from tests.changing import replace
from tests.fakes import near_alert

CHAT = ("telegram", "7")


def delivery(number: int, **fields: object) -> Delivery:
    alert = near_alert(f"alert{number}")
    due = Delivery(number, alert, 1, *CHAT, False, DeliveryStatus.DUE, 0, alert.decided_at, alert.decided_at)
    return replace(due, **fields)


def test_the_first_go_out_alone_in_the_order_they_came_and_the_rest_together_after_them() -> None:
    departures = Departures(2)
    joined = [departures.add_alert(delivery(number), 0.1 * number) for number in range(5)]

    left = [departures.take(CHAT) for _ in range(3)]

    assert joined == [False, False, True, True, True]
    assert [[each.id for each in letter.deliveries] for letter in left] == [[0], [1], [2, 3, 4]]
    assert not departures.waits(CHAT)


def test_what_was_on_a_list_that_could_not_be_told_is_told_on_one_again() -> None:
    """After a restart nothing else is known of that storm."""
    departures = Departures(4)

    assert departures.add_alert(delivery(1, in_digest=True), 0.0)
    assert [each.id for each in departures.take(CHAT).deliveries] == [1]


def test_what_is_about_liqalert_goes_out_alone_beside_an_open_digest() -> None:
    departures = Departures(1)
    for number in range(3):
        departures.add_alert(delivery(number), 0.0)
    notice = near_alert("note", text="The clock is 12 s off.")

    assert not departures.add_alert(delivery(9, alert=notice), 0.1)


def test_a_chat_that_moves_takes_along_what_waits_for_it() -> None:
    departures = Departures(1)
    for number in range(3):
        departures.add_alert(delivery(number), 0.0)
    alone = departures.take(CHAT)

    departures.move(alone, "-1007", 0.1)

    moved = [departures.take(("telegram", "-1007")) for _ in range(2)]
    assert [[each.id for each in letter.deliveries] for letter in moved] == [[0], [1, 2]]
    assert {each.address for letter in moved for each in letter.deliveries} == {"-1007"}
    assert departures.chats() == ()
