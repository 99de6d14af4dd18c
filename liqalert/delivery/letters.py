"""What leaves for one chat in one go: one alert, a digest of a storm, or one list of what it has not been told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from liqalert.core.alerts import ABOUT_LIQALERT
from liqalert.core.market import UnixTime
from liqalert.core.outcomes import Told, TrackRecord
from liqalert.delivery.digests import Digest
from liqalert.delivery.routing import is_heard
from liqalert.ports import Button, Delivery, DeliveryStatus, Event, Message
from liqalert.render.buttons import Rows, alert_buttons
from liqalert.render.lists import digest_message, held_message, late_message
from liqalert.render.messages import alert_message, outcome_message
from liqalert.render.numbers import NumberStyle
from liqalert.render.replies import with_warnings
from liqalert.render.scene import Scene
from liqalert.render.text import Text

MOST_NEWS = 8
"""Outcomes told in full; of more than these, a line each."""


@dataclass(frozen=True, slots=True)
class Letter:
    """At least one delivery, all to the same address. One that is neither listed nor in a digest is alone in it."""

    deliveries: tuple[Delivery, ...]
    listed: bool = False
    """A list of what came too late, or was held until quiet hours ended."""
    digest: Digest | None = None
    """The digest that these are to join."""
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

    @property
    def chat_id(self) -> int:
        return self.deliveries[0].chat_id

    @property
    def alone(self) -> bool:
        """One alert of a rule: it counts in a storm."""
        return not self.listed and self.digest is None and self.deliveries[0].alert.kind not in ABOUT_LIQALERT

    @property
    def capped(self) -> bool:
        """It costs one of the chat's messages of the day. Lists do not: they are few, and hold what is owed."""
        return self.alone or (self.digest is not None and not self.digest.begun)

    def moved(self, new_address: str) -> Letter:
        deliveries = tuple(replace(delivery, address=new_address) for delivery in self.deliveries)
        return replace(self, deliveries=deliveries, moves=self.moves + 1)


@dataclass(frozen=True, slots=True)
class Composer:
    """Writes messages: `zone_name` is the IANA zone of times, `banner` stands above each, alerts lead to `page_url`."""

    zone_name: str = "UTC"
    banner: str | None = None
    page_url: str | None = None

    def alert(self, delivery: Delivery, now: UnixTime, record: TrackRecord | None = None) -> Message:
        told = Told(delivery.alert)
        text = alert_message(told, self._scene(delivery.numbers, now), recorded=delivery.recorded, record=record)
        silent = not is_heard(delivery, now)
        return self._message(text, (told,), silent=silent, buttons=_pressable(alert_buttons(told.alert)))

    def missed(self, letter: Letter, told: Sequence[Told], now: UnixTime) -> Sequence[Message]:
        """One list, nearly always one message; without a sound where it waited for quiet hours to end."""
        held = letter.deliveries[0].status is DeliveryStatus.HELD
        write = held_message if held else late_message
        texts = write(told, self._scene(letter.deliveries[0].numbers, now))
        silent = held or not any(is_heard(delivery, now) for delivery in letter.deliveries)
        return [
            self._message(text, tuple(told), silent=silent, event=Event.LIST, part=part)
            for part, text in enumerate(texts)
        ]

    def digest(self, deliveries: Sequence[Delivery], now: UnixTime) -> Sequence[Message]:
        """One message, or two of which the second makes no sound."""
        told = tuple(Told(delivery.alert) for delivery in deliveries)
        silent = not any(is_heard(delivery, now) for delivery in deliveries)
        texts = digest_message(told, self._scene(deliveries[0].numbers, now), sent_at=now)
        return [
            self._message(text, told, silent=silent or part > 0, event=Event.LIST, part=part)
            for part, text in enumerate(texts)
        ]

    def alert_since(self, told: Told, numbers: str, now: UnixTime, record: TrackRecord | None = None) -> Message:
        """The message of an alert that was sent at `now`, with what has become of it since."""
        text = alert_message(told, self._scene(numbers, now), record=record)
        over = told.episode is not None and told.episode.outcome is not None
        buttons = _pressable(alert_buttons(told.alert, over=over))
        return self._message(text, (told,), silent=True, buttons=buttons, event=Event.OUTCOME)

    def digest_since(self, told: Sequence[Told], numbers: str, now: UnixTime) -> Sequence[Message]:
        """The messages of a digest that was sent at `now`, with what has become of its alerts since."""
        texts = digest_message(told, self._scene(numbers, now), sent_at=now)
        return [
            self._message(text, tuple(told), silent=True, event=Event.OUTCOME, part=part)
            for part, text in enumerate(texts)
        ]

    def news(self, told: Sequence[Told], numbers: str, now: UnixTime) -> Message:
        """Only what has become of alerts, for where a message cannot be changed (any more)."""
        scene = self._scene(numbers, now)
        if len(told) > MOST_NEWS:
            text = digest_message(told, scene)[0]
        else:
            texts = [outcome_message(each, scene) for each in told]
            text = Text("\n".join(text.html for text in texts), "\n".join(text.plain for text in texts))
        return self._message(text, tuple(told), silent=True, event=Event.OUTCOME)

    def _scene(self, numbers: str, now: UnixTime) -> Scene:
        # Whatever else a newer liqalert may have left there: an alert is told.
        comma = numbers == NumberStyle.COMMA
        return Scene(self.zone_name, now, NumberStyle.COMMA if comma else NumberStyle.POINT, self.page_url)

    def _message(
        self,
        text: Text,
        told: tuple[Told, ...],
        *,
        silent: bool,
        buttons: tuple[tuple[Button, ...], ...] = (),
        event: Event = Event.ALERT,
        part: int = 0,
    ) -> Message:
        headed = with_warnings(text, (self.banner,) if self.banner else ())
        return Message(headed.html, headed.plain, silent, buttons, event, told, part)


def _pressable(rows: Rows) -> tuple[tuple[Button, ...], ...]:
    return tuple(tuple(Button(label, data) for label, data in row) for row in rows)
