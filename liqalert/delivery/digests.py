"""One chat's digest of a storm: what it tells, what is to join it, and the messages it consists of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from liqalert.delivery.attempts import Answer
from liqalert.delivery.channels import Channel, Growth, loop_now
from liqalert.delivery.storms import is_open, is_worn_out
from liqalert.ports import Delivery, DeliveryError, DeliveryStatus, Message

GATHER_S = 0.5
"""A storm does not come all at once: the first message waits this long for what comes with the alert that opened it."""
MOST_FAILURES = 2
"""Changes that fail so often in a row are given up for a new message."""

Compose: TypeAlias = Callable[[Sequence[Delivery]], Sequence[Message]]


@dataclass(frozen=True, slots=True)
class _Part:
    """One message as the chat sees it."""

    message_id: str
    html: str


class Digest:
    """Grows as long as it is open, in a new message from time to time.

    Deliveries in it are those to `address`, and each is in it once.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.moves = 0
        """How often the address has changed since a message was last sent."""
        self._waiting: dict[int, Delivery] = {}
        self._leaving = False
        self._told: dict[int, Delivery] = {}
        self._parts: list[_Part] = []
        self._opened_at = -math.inf
        self._joined_at = -math.inf
        self._ready_at = -math.inf
        self._failures = 0
        self._unfinished = False
        """The last attempt to tell something has failed."""

    @property
    def waits(self) -> bool:
        """Whether something is to be told."""
        return bool(self._waiting)

    @property
    def begun(self) -> bool:
        """Whether the chat has a message of it, so that telling more costs no further message."""
        return bool(self._parts)

    @property
    def message_id(self) -> str:
        return ",".join(part.message_id for part in self._parts)

    @property
    def first_message_id(self) -> str | None:
        """Another one means another message."""
        return self._parts[0].message_id if self._parts else None

    def is_open(self, now: float) -> bool:
        return self.waits or self._leaving or self._owes(now) or is_open(self._joined_at, now)

    def wait_s(self, now: float) -> float:
        """How long until it may be sent or changed; 0 or less: now."""
        return self._ready_at - now

    def join(self, delivery: Delivery, now: float) -> None:
        if not self._leaving and is_worn_out(self._opened_at, now):
            self._begin_anew()
            self._opened_at = -math.inf
        if not self.begun and not self.waits and not self._leaving:
            self._ready_at = max(self._ready_at, now + GATHER_S)
        self._joined_at = now
        self._waiting[delivery.id] = replace(delivery, address=self.address, in_digest=True)

    def take(self) -> tuple[Delivery, ...]:
        """What is to be told now. `tell` or `put_down` must follow."""
        taken, self._waiting, self._leaving = tuple(self._waiting.values()), {}, True
        return taken

    def put_down(self) -> None:
        """What was taken goes back to the outbox, untold."""
        self._leaving = False

    def _owes(self, now: float) -> bool:
        """Whether a message of it does not say yet what it should: the next attempt goes on where this one ended."""
        return self._unfinished and self.begun and not is_worn_out(self._opened_at, now)

    def move(self, address: str) -> None:
        """The chat has a new address. The messages it was sent cannot be changed there."""
        self.address = address
        self.moves += 1
        self._waiting = {id_: replace(each, address=address) for id_, each in self._waiting.items()}
        self._begin_anew()

    async def tell(self, taken: Sequence[Delivery], channel: Channel, compose: Compose) -> Answer:
        """Makes the chat's messages tell what was `taken` as well. Raises DeliveryError.

        After an error it knows which of its messages say what, so that the next attempt does the rest.
        """
        self._unfinished = True
        try:
            message_id = await self._show(taken, channel, compose)
        finally:
            self._leaving = False
            self._ready_at = loop_now() + channel.ways.between_s
            if self.begun and self._opened_at == -math.inf:
                self._opened_at = loop_now()
        self._unfinished = False
        self.moves = 0
        also = tuple(each for each in self._told.values() if each.message_id != message_id)
        settled = {each.id: replace(each, status=DeliveryStatus.SENT, attempts=each.attempts + 1) for each in taken}
        self._told = {id_: replace(each, message_id=message_id) for id_, each in (self._told | settled).items()}
        return Answer(message_id, also=also)

    async def _show(self, taken: Sequence[Delivery], channel: Channel, compose: Compose) -> str:
        if channel.ways.growth is Growth.REPEATED:
            self._begin_anew()
        if self.begun and not await self._grow(taken, channel, compose):
            # It goes on in a new message, which tells what the old one does not.
            self._begin_anew()
            await channel.turn(self.address)
        if not self.begun:
            await self._show_parts(compose(taken), channel)
        return self.message_id

    async def _grow(self, taken: Sequence[Delivery], channel: Channel, compose: Compose) -> bool:
        """False where a message cannot be changed."""
        whole = compose((*self._told.values(), *taken))
        if channel.ways.growth is Growth.FOLLOWED and self._told:
            return await self._change(0, whole[0], channel, news=_in_one(compose(taken)))
        return await self._show_parts(whole, channel)

    async def _show_parts(self, whole: Sequence[Message], channel: Channel) -> bool:
        """Changes the messages whose words are others now, and sends those that are still missing."""
        reserved = True
        for position, message in enumerate(whole):
            if position < len(self._parts) and self._parts[position].html == message.html:
                continue
            if not reserved:
                await channel.turn(self.address)
            reserved = False
            if position >= len(self._parts):
                self._parts.append(_Part(await channel.transmit(self.address, [message]), message.html))
            elif not await self._change(position, message, channel, news=message):
                return False
        return True

    async def _change(self, position: int, message: Message, channel: Channel, *, news: Message) -> bool:
        try:
            message_id = await channel.amend(self.address, self._parts[position].message_id, message, news)
        except DeliveryError as error:
            if error.retry_after_s is not None or error.channel_dead or error.address_dead or error.moved_to:
                raise
            self._failures += 1
            if error.permanent or self._failures >= MOST_FAILURES:
                return False
            raise
        self._failures = 0
        if message_id:
            self._parts[position] = _Part(message_id, message.html)
        return bool(message_id)

    def _begin_anew(self) -> None:
        self._parts, self._told, self._failures = [], {}, 0


def _in_one(parts: Sequence[Message]) -> Message:
    """For a channel whose messages may be of any length."""
    html, plain = ("\n".join(texts) for texts in zip(*((part.html, part.plain) for part in parts), strict=True))
    return replace(parts[0], html=html, plain=plain)
