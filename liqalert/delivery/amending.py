"""Brings messages up to date when the episodes they tell of have moved on: silently, and after all that is new."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from liqalert.clock import Clock
from liqalert.delivery.answers import Answers
from liqalert.delivery.attempts import STOPPED_CHANNEL_RETRY_S, Answer, retry_in_s
from liqalert.delivery.channels import Channel, Growth, loop_now
from liqalert.delivery.letters import Composer
from liqalert.delivery.storms import Destination
from liqalert.delivery.track_records import TrackRecords
from liqalert.ports import Amended, Amendment, Amendments, Message, StorageError, ToldDelivery

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
READ_LIMIT = 50
MOST_IN_FLIGHT = 10
DEFER_S = 10.0
"""What must wait longer is put off, so that it hides nothing that could leave before it."""
BETWEEN_S = 5.0
"""From one amendment of a chat's messages to the next: touched and swept in a row are one."""
SHARE = 0.6
"""Of the limits that many share: an alert always finds a place."""
RETRY_S = 2.0
CHANGED_UP_TO_S = 48 * 3600.0
"""What is older is far up in the chat, where nobody would see the change: it is replied to."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What a message is to say now, in as many parts as it has, and what is new in it."""

    whole: tuple[Message, ...]
    news: Message


class Amender:
    """Runs beside the sender, over the same channels. `is_free` says whether a chat's message may be changed now."""

    def __init__(
        self,
        store: Amendments,
        channels: Mapping[str, Channel],
        *,
        composer: Composer,
        records: TrackRecords,
        answers: Answers,
        clock: Clock,
        random: Random,
        counts: Counter[tuple[str, str]],
        is_free: Callable[[Destination, str], bool],
    ) -> None:
        self._store = store
        self._channels = channels
        self._composer = composer
        self._records = records
        self._answers = answers
        self._clock = clock
        self._random = random
        self._counts = counts
        self._is_free = is_free
        self._waiting: dict[int, Amendment] = {}
        """By their first delivery."""
        self._in_flight: dict[Destination, asyncio.Task[None]] = {}
        self._taken: set[int] = set()
        """What is in flight or not written down yet, by first delivery."""
        self._done: list[Amended] = []
        self._free_at: dict[Destination, float] = {}
        self._more = False
        """The last reading may not have shown all there is."""
        self._read_at = self._look_at = -math.inf
        self._woken = asyncio.Event()
        self._stopping = False
        self.problem: str | None = None

    def wake(self) -> None:
        """There may be something to amend."""
        self._look_at = -math.inf
        self._woken.set()

    def look_again(self) -> None:
        """A chat may have become free."""
        if self._waiting:
            self._woken.set()

    def stop(self) -> None:
        """Ends `run` when what is on its way has been answered."""
        self._stopping = True
        self._woken.set()

    def cancel(self) -> None:
        for task in list(self._in_flight.values()):
            task.cancel()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while not self._stopping or self._in_flight:
                self._woken.clear()
                pause_s = await self._round(group)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._woken.wait()
        await self._write()

    async def _round(self, group: asyncio.TaskGroup) -> float:
        """How long nothing is to be done then, in seconds."""
        if not await self._write():
            return RETRY_S
        if self._stopping:
            return LOOK_EVERY_S
        if self._look_in_s() <= 0.0:
            await self._read()
        ready_in_s = self._start_ready(group)
        return 0.0 if self._done else min(ready_in_s, max(0.0, self._look_in_s()))

    def _look_in_s(self) -> float:
        """How long until the database is asked again: not while what it has given still waits, but for so long only."""
        look_at = self._read_at + LOOK_EVERY_S if self._waiting else self._look_at
        return look_at - loop_now()

    async def _read(self) -> None:
        if self._more:
            # What is behind those that could not leave must have its turn.
            for each in self._waiting.values():
                self._answered(each, each.message_id, again_in_s=BETWEEN_S)
        # A wake while we wait for the database must not be forgotten: the new time is the earlier of the two.
        self._look_at = math.inf
        try:
            found = await self._store.amendments(self._clock.now(), READ_LIMIT)
            self.problem = None
        except StorageError as exc:
            log.warning("messages to amend cannot be read", extra={"error": str(exc)})
            self.problem, found = str(exc), ()
        # The store counts what is due, and a digest may hold all of it.
        self._more = sum(len(each.deliveries) for each in found) >= READ_LIMIT
        self._read_at = loop_now()
        self._look_at = min(self._look_at, self._read_at + LOOK_EVERY_S)
        self._waiting = {_key(each): each for each in found if _key(each) not in self._taken}
        self._free_at = {chat: at for chat, at in self._free_at.items() if at > self._read_at}

    async def _write(self) -> bool:
        """Whether everything that has been answered is written down."""
        done = tuple(self._done)
        if not done:
            return True
        try:
            await self._store.settle_amendments(done)
        except StorageError as exc:
            log.warning("amended messages cannot be noted", extra={"error": str(exc)})
            self.problem = str(exc)
            return False
        self.problem = None
        del self._done[: len(done)]
        self._taken.difference_update(_key(each.amendment) for each in done)
        return True

    def _start_ready(self, group: asyncio.TaskGroup) -> float:
        soonest_s = LOOK_EVERY_S
        for key, amendment in tuple(self._waiting.items()):
            if len(self._in_flight) >= MOST_IN_FLIGHT:
                break
            wait_s = self._wait_s(amendment)
            if wait_s <= 0.0:
                self._start(amendment, self._channels[amendment.channel], group)
            elif wait_s > DEFER_S:
                self._answered(amendment, amendment.message_id, again_in_s=wait_s)
            else:
                soonest_s = min(soonest_s, wait_s)
                continue
            del self._waiting[key]
        return soonest_s

    def _wait_s(self, amendment: Amendment) -> float:
        chat = _chat(amendment)
        channel = self._channels.get(amendment.channel)
        if channel is None:
            return STOPPED_CHANNEL_RETRY_S
        if chat in self._in_flight or not self._is_free(chat, amendment.message_id):
            return BETWEEN_S
        return max(channel.wait_s(amendment.address, SHARE), self._free_at.get(chat, -math.inf) - loop_now())

    def _start(self, amendment: Amendment, channel: Channel, group: asyncio.TaskGroup) -> None:
        chat = _chat(amendment)
        channel.reserve(amendment.address)
        self._taken.add(_key(amendment))
        self._in_flight[chat] = group.create_task(self._attempt(amendment, channel), name=f"amend in {channel.name}")
        self._in_flight[chat].add_done_callback(lambda _: self._landed(chat))

    def _landed(self, chat: Destination) -> None:
        del self._in_flight[chat]
        self._free_at[chat] = loop_now() + BETWEEN_S
        self._woken.set()

    # ------------------------------------------------------------ one message

    async def _attempt(self, amendment: Amendment, channel: Channel) -> None:
        alert_id = amendment.deliveries[0].told.alert.id
        answer = await self._answers.to(self._amend(amendment, channel), channel, alert_id=alert_id)
        message_id, error = answer.message_id or amendment.message_id, answer.error
        if error is None:
            self._counts[channel.name, "amended"] += 1
            self._answered(amendment, message_id)
            return
        await self._answers.heed(error, channel, chat_id=amendment.chat_id, alert_id=alert_id)
        if error.moved_to is not None:
            await self._answers.move(channel, amendment.address, error.moved_to)
            self._answered(amendment, message_id, again_in_s=0.0)
        elif error.permanent and not error.channel_dead:
            self._answered(amendment, message_id)
        else:
            again_in_s = retry_in_s(error, amendment.attempts + 1, self._random)
            if error.retry_after_s is not None:
                channel.park(amendment.address, again_in_s)
            self._answered(amendment, message_id, again_in_s=again_in_s)

    def _answered(self, amendment: Amendment, message_id: str, again_in_s: float | None = None) -> None:
        again_at = None if again_in_s is None else self._clock.now() + again_in_s
        self._taken.add(_key(amendment))
        self._done.append(Amended(amendment, message_id, again_at))

    async def _amend(self, amendment: Amendment, channel: Channel) -> Answer:
        """Raises DeliveryError."""
        revision = await self._revision(amendment)
        ids, address = amendment.message_id.split(","), amendment.address
        if channel.ways.growth is Growth.CHANGED and self._clock.now() - amendment.sent_at > CHANGED_UP_TO_S:
            await channel.amend(address, ids[0], None, revision.news)
            return Answer(amendment.message_id)
        for position, whole in enumerate(revision.whole):
            if position:
                await channel.turn(address)
            if position == len(ids):
                # What has become of the alerts takes more room than the alerts alone.
                ids.append(await channel.transmit(address, [whole]))
                continue
            said_by = await channel.amend(address, ids[position], whole, revision.news) or ids[position]
            changed, ids[position] = said_by == ids[position], said_by
            if not changed or channel.ways.growth is not Growth.CHANGED:
                # The news have been told, for every part of the message.
                break
        return Answer(",".join(ids))

    async def _revision(self, amendment: Amendment) -> Revision:
        # As of when it was sent: how late the alert was then does not change.
        numbers, sent_at = amendment.numbers, amendment.sent_at
        told = [delivery.told for delivery in amendment.deliveries]
        changed = [delivery.told for delivery in amendment.deliveries if _is_news(delivery)]
        news = self._composer.news(changed or told, numbers, self._clock.now())
        if amendment.in_digest or len(told) > 1:
            return Revision(tuple(self._composer.digest_since(told, numbers, sent_at)), news)
        record = await self._records.of(told[0].alert)
        return Revision((self._composer.alert_since(told[0], numbers, sent_at, record),), news)


def _key(amendment: Amendment) -> int:
    return amendment.deliveries[0].delivery_id


def _chat(amendment: Amendment) -> Destination:
    return amendment.channel, amendment.address


def _is_news(delivery: ToldDelivery) -> bool:
    episode = delivery.told.episode
    return episode is not None and episode.state is not delivery.shown
