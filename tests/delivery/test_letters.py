from __future__ import annotations

from liqalert.delivery.letters import Letter, compose
from liqalert.ports import Delivery, DeliveryStatus
from tests.fakes import near_alert

DECIDED = 1_795_392_000.0
DUE = Delivery(5, near_alert("one", DECIDED), 1, "telegram", "7", False, DeliveryStatus.DUE, 0, DECIDED, DECIDED)


def test_a_banner_stands_above_every_message() -> None:
    [message] = compose(Letter((DUE,)), zone_name="UTC", now=DECIDED, banner="Simulated market")

    assert message.plain.startswith("Simulated market\n")
    assert message.html.startswith("<b>Simulated market</b>\n")


def test_without_a_banner_the_headline_is_first() -> None:
    [message] = compose(Letter((DUE,)), zone_name="UTC", now=DECIDED)

    assert message.html.startswith("<b>BTCUSDT: ")
