"""One letter to its channel: composed with what is known by now, counted, and sent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from liqalert.clock import Clock
from liqalert.core.market import UnixTime
from liqalert.core.outcomes import Told, TrackRecord
from liqalert.delivery.attempts import Answer
from liqalert.delivery.cap import DailyCap
from liqalert.delivery.channels import Channel
from liqalert.delivery.digests import Digest
from liqalert.delivery.letters import Composer, Letter
from liqalert.delivery.routing import is_heard
from liqalert.delivery.track_records import TrackRecords
from liqalert.ports import AlertReader, Delivery, Message, StorageError


@dataclass(frozen=True, slots=True)
class Limits:
    """What a chat is spared."""

    digest_after: int = 4
    """So many alerts within ten seconds go out one by one; what follows, in one digest."""
    daily_cap: int = 60
    """Messages with alerts in a UTC day."""


class Copies:
    """Writes an alert once for all chats that read it alike: within a second its words are the same."""

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._last: tuple[object, Message] | None = None

    def alert(self, delivery: Delivery, now: UnixTime, record: TrackRecord | None) -> Message:
        heard = is_heard(delivery, now)
        alike = (delivery.alert.id, delivery.numbers, delivery.recorded, heard, record, math.floor(now))
        if self._last is None or self._last[0] != alike:
            self._last = alike, self._composer.alert(delivery, now, record)
        return self._last[1]


class Post:
    """Sends letters; each of its calls raises DeliveryError."""

    def __init__(
        self, composer: Composer, *, history: AlertReader, records: TrackRecords, cap: DailyCap, clock: Clock
    ) -> None:
        self._composer = composer
        self._copies = Copies(composer)
        self._history = history
        self._records = records
        self._cap = cap
        self._clock = clock

    async def transmit(self, letter: Letter, channel: Channel) -> Answer:
        """Its first place at the channel must have been reserved."""
        if letter.digest is not None:
            return await self._grow(letter.digest, letter, channel)
        if letter.listed:
            told = await self._told(letter)
            messages = self._composer.missed(letter, told, self._clock.now())
            return Answer(await channel.transmit(letter.address, messages))
        [delivery] = letter.deliveries
        record = await self._records.of(delivery.alert)
        message = self._copies.alert(delivery, self._clock.now(), record)
        answer = Answer(await channel.transmit(letter.address, [message]))
        if letter.capped:
            self._cap.count(letter.chat_id, self._clock.now())
        return answer

    async def _grow(self, digest: Digest, letter: Letter, channel: Channel) -> Answer:
        before = digest.first_message_id

        def compose(deliveries: Sequence[Delivery]) -> Sequence[Message]:
            return self._composer.digest(deliveries, self._clock.now())

        try:
            return await digest.tell(letter.deliveries, channel, compose)
        finally:
            if digest.first_message_id != before:
                self._cap.count(letter.chat_id, self._clock.now())

    async def _told(self, letter: Letter) -> Sequence[Told]:
        """The alerts of a list, with what has become of them by now, as far as that is known."""
        alerts = [delivery.alert for delivery in letter.deliveries]
        try:
            episodes = await self._history.episodes_of([alert.id for alert in alerts if alert.episode_id is not None])
        except StorageError:
            episodes = {}
        return [Told(alert, episodes.get(alert.id)) for alert in alerts]
