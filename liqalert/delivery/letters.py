"""What leaves for one chat in one go: one alert, or one list of all it has missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from liqalert.core.market import UnixTime
from liqalert.ports import Delivery, Message
from liqalert.render.replies import with_warnings
from liqalert.render.text import Missed, alert_message, late_message


@dataclass(frozen=True, slots=True)
class Letter:
    """At least one delivery, all to the same address."""

    deliveries: tuple[Delivery, ...]
    missed: tuple[Missed, ...] = ()
    """Filled for a list of what came too late."""
    moves: int = 0
    """How often the address has changed under way."""

    @property
    def channel(self) -> str:
        return self.deliveries[0].channel

    @property
    def address(self) -> str:
        return self.deliveries[0].address

    @property
    def destination(self) -> tuple[str, str]:
        return self.channel, self.address

    def moved(self, new_address: str) -> Letter:
        deliveries = tuple(replace(delivery, address=new_address) for delivery in self.deliveries)
        return Letter(deliveries, self.missed, self.moves + 1)


def compose(letter: Letter, *, zone_name: str, now: UnixTime, banner: str | None = None) -> Sequence[Message]:
    """The messages of a letter, nearly always one. `banner` stands above each."""
    silent = all(delivery.silent for delivery in letter.deliveries)
    if letter.missed:
        texts = late_message(letter.missed, zone_name=zone_name, now=now)
    else:
        delivery = letter.deliveries[0]
        texts = (alert_message(delivery.alert, zone_name=zone_name, now=now, recorded=delivery.recorded),)
    headed = [with_warnings(text, (banner,) if banner else ()) for text in texts]
    return [Message(text.html, text.plain, silent) for text in headed]
