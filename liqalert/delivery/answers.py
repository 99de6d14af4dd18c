"""What a channel answers, and what that means beyond the one message."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable

from liqalert.clock import Clock
from liqalert.delivery.attempts import Answer
from liqalert.delivery.channels import Channel
from liqalert.delivery.unrecorded import Unrecorded
from liqalert.ports import AddressBook, DeliveryError, StorageError

log = logging.getLogger(__name__)


class Answers:
    """Heeds them: a channel that is refused, a chat that is gone, a new address. `counts` are the sender's."""

    def __init__(
        self, chats: AddressBook, unrecorded: Unrecorded, clock: Clock, *, counts: Counter[tuple[str, str]]
    ) -> None:
        self._chats = chats
        self._unrecorded = unrecorded
        self._clock = clock
        self._counts = counts

    async def to(self, attempt: Awaitable[Answer], channel: Channel, *, alert_id: str) -> Answer:
        """What comes of `attempt`, whatever it raises."""
        try:
            return await attempt
        except DeliveryError as error:
            return Answer(error=error)
        except Exception as exc:
            # One of the three places that catch everything: a single delivery must not end the others.
            self._counts[channel.name, "unexpected"] += 1
            log.exception("delivery failed unexpectedly", extra={"alert": alert_id})
            return Answer(error=DeliveryError(f"unexpected {type(exc).__name__}, see the log"))

    async def heed(self, error: DeliveryError, channel: Channel, *, chat_id: int, alert_id: str) -> None:
        self._counts[channel.name, "failed"] += 1
        log.warning("not delivered", extra={"alert": alert_id, "channel": channel.name, "error": str(error)})
        if error.channel_dead:
            channel.refuse(f"{channel.name} sends nothing any more: {error}")
        if error.address_dead:
            try:
                await self._chats.mark_dead(chat_id, self._clock.now())
            except StorageError as exc:
                log.warning("dead chat not recorded", extra={"error": str(exc)})

    async def move(self, channel: Channel, old_address: str, new_address: str) -> None:
        """The chat has a new address, and every reference to it follows."""
        try:
            await self._chats.migrate(channel.name, old_address, new_address)
        except StorageError as exc:
            log.warning("new address not recorded", extra={"error": str(exc)})
        self._unrecorded.moved(channel.name, old_address, new_address)
