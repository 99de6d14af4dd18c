"""The outbox to the phone: takes what is due, sends it at each channel's pace, and writes down how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random

from liqalert.clock import Clock
from liqalert.core.alerts import Alert
from liqalert.core.market import UnixTime
from liqalert.delivery.amending import Amender
from liqalert.delivery.answers import Answers
from liqalert.delivery.attempts import STOPPED_CHANNEL_RETRY_S, retold, settled
from liqalert.delivery.cap import DailyCap
from liqalert.delivery.channels import Channel, loop_now, problems_by_part
from liqalert.delivery.departures import Departures
from liqalert.delivery.fanout import FanOut
from liqalert.delivery.intake import Intake
from liqalert.delivery.ledger import Ledger
from liqalert.delivery.letters import Composer, Letter
from liqalert.delivery.post import Limits, Post
from liqalert.delivery.sorting import Sorting
from liqalert.delivery.storms import Destination
from liqalert.delivery.track_records import TrackRecords
from liqalert.delivery.unrecorded import AdoptingOutbox, Unrecorded
from liqalert.ports import AddressBook, AlertReader, Amendments, DeliveryStatus, FannedOut, Notifier, Recipient

log = logging.getLogger(__name__)

MOST_IN_FLIGHT = 30
POSTPONE_S = 2.0
"""A delivery that must wait longer for its channel goes back to the outbox: memory is for those whose turn is near."""
IDLE_S = 30.0
MOST_MOVES = 3


class Sender:
    """Delivers until stopped. One message at a time to a chat, so that order and retry_after hold; many chats at once.

    `random` decides the jitter of retries; `tell` takes a notice to be recorded.
    """

    def __init__(
        self,
        outbox: AdoptingOutbox,
        notifiers: Mapping[str, Notifier],
        *,
        chats: AddressBook,
        history: AlertReader,
        amendments: Amendments,
        clock: Clock,
        random: Random,
        composer: Composer | None = None,
        limits: Limits | None = None,
        tell: Callable[[Alert], None] = lambda _: None,
        counts: Counter[tuple[str, str]] | None = None,
    ) -> None:
        self._channels = {name: Channel(name, notifier) for name, notifier in notifiers.items()}
        self._clock = clock
        self._random = random
        self.counts: Counter[tuple[str, str]] = Counter() if counts is None else counts
        """Since the start, by channel: deliveries that became `sent`, `late` or `dead`; messages `amended`; attempts
        that `failed`, those among them that were `unexpected`; and what notifiers count."""
        self._in_flight: dict[Destination, asyncio.Task[None]] = {}
        self._unconfigured: dict[str, UnixTime] = {}
        """When a delivery was last seen for a channel that is not there."""
        self._woken = asyncio.Event()
        self._ended = asyncio.Event()
        self._running = self._stopping = False
        composer, limits = composer or Composer(), limits or Limits()
        self._records = TrackRecords(history)
        self._cap = DailyCap(limits.daily_cap, outbox, tell)
        self._post = Post(composer, history=history, records=self._records, cap=self._cap, clock=clock)
        self._departures = Departures(limits.digest_after)
        self.unrecorded = Unrecorded()
        """What the database has refused; to be looked at only."""
        self._answers = Answers(chats, self.unrecorded, clock, counts=self.counts)
        self._ledger = Ledger(outbox, self.unrecorded, counts=self.counts, stored=self._look_again)
        self._sorting = Sorting(self._departures, self._ledger, self._cap, clock)
        self._fan_out = FanOut(outbox, self.unrecorded, clock, busy=self._ledger.busy, added=self._look_again)
        self._intake = Intake(outbox, self.unrecorded, busy=self._ledger.busy)
        self._amender = Amender(
            amendments,
            self._channels,
            composer=composer,
            records=self._records,
            answers=self._answers,
            clock=clock,
            random=random,
            counts=self.counts,
            is_free=self._is_free,
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences for /status and /readyz; empty while all is well."""
        return tuple(problem for problems in self.problems_by_part.values() for problem in problems)

    @property
    def problems_by_part(self) -> Mapping[str, Sequence[str]]:
        """The same by channel; what is wrong with none of them is the outbox's."""
        outbox = (self._fan_out, self._ledger, self._intake, self._amender)
        recently = self._clock.now() - 3.0 * STOPPED_CHANNEL_RETRY_S
        waited_for = [name for name, seen_at in self._unconfigured.items() if seen_at > recently]
        return problems_by_part(self._channels, outbox=[part.problem for part in outbox], waited_for=waited_for)

    @property
    def working(self) -> frozenset[str]:
        """The channels of which it is not known that they take nothing."""
        return frozenset(name for name, channel in self._channels.items() if channel.works)

    def wake(self) -> None:
        """Something new may be in the outbox."""
        self._fan_out.wake()
        self._look_again()

    def wake_amender(self) -> None:
        """Messages that were sent may no longer be true."""
        self._amender.wake()

    def send_recorded(self, fanned_out: FannedOut) -> None:
        """Takes deliveries that have just been recorded, as if it had read them; where in doubt, it reads the outbox:
        what is due there already goes first then, and what is being read is not taken twice."""
        now = self._clock.now()
        self._records.learn(fanned_out.records)
        if fanned_out.complete and self._departures.few and self._intake.caught_up(now):
            self._sorting.sort([each for each in fanned_out.deliveries if each.status is DeliveryStatus.DUE], now)
            self._woken.set()
        else:
            self.wake()
        if any(each.status is not DeliveryStatus.DUE for each in fanned_out.deliveries):
            self._look_again()

    def withhold(self, alert: Alert) -> bool:
        """Whether `deliver_unrecorded` or `release` is to follow: not where it is being sent, and so is recorded."""
        if self._ledger.is_sending(alert.id):
            return False
        self.unrecorded.withhold(alert.id)
        return True

    def release(self, alert: Alert) -> None:
        """It has been recorded after all, and goes out the usual way."""
        self.unrecorded.release(alert.id)
        self._look_again()

    async def deliver_unrecorded(self, alert: Alert, recipients: Sequence[Recipient]) -> None:
        """Sends an alert that the database has refused; its outcome is written once the alert is recorded after all."""
        self.unrecorded.add(alert, recipients, self._clock.now())
        self._look_again()

    async def run(self) -> None:
        self._running = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._fan_out.run(), name="fan out alerts")
                group.create_task(self._ledger.run(), name="settle deliveries")
                group.create_task(self._amender.run(), name="amend messages")
                group.create_task(self._cap.learn(self._clock.now()), name="count the messages of the day")
                await self._send_until_stopped(group)
                self._fan_out.stop()
                self._ledger.close()
        finally:
            self._ended.set()

    async def stop(self, within_s: float = 10.0) -> None:
        """Starts nothing new, finishes what is being sent, and writes the outcomes; gives up after `within_s`."""
        self._stopping = True
        self._fan_out.stop()
        self._amender.stop()
        self._woken.set()
        if not self._running:
            return
        try:
            async with asyncio.timeout(within_s):
                await self._ended.wait()
        except TimeoutError:
            log.warning("sending cut short", extra={"in_flight": len(self._in_flight)})
            for task in list(self._in_flight.values()):
                task.cancel()
            self._amender.cancel()
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._ended.wait()

    # ------------------------------------------------------------ what to send next

    async def _send_until_stopped(self, group: asyncio.TaskGroup) -> None:
        while not self._stopping or self._in_flight:
            self._woken.clear()
            wait_s = IDLE_S if self._stopping else await self._round(group)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()

    async def _round(self, group: asyncio.TaskGroup) -> float:
        """Reads what is due, starts what may leave; how long nothing is to be done, in seconds."""
        now = self._clock.now()
        if self._departures.few and self._intake.wait_s(now) <= 0.0:
            self._sorting.sort(await self._intake.take(now), now)
            if self._fan_out.finished:
                for letter in await self._intake.lists(now):
                    self._ledger.take(letter.deliveries)
                    self._departures.add(letter)
        ready_in_s = 0.0 if self._stopping else self._start_ready(group)
        reading_in_s = self._intake.wait_s(now) if self._departures.few else IDLE_S
        return min(ready_in_s, reading_in_s, IDLE_S)

    def _start_ready(self, group: asyncio.TaskGroup) -> float:
        """Starts the letters whose turn it is, chat by chat; when the next one's turn comes, in seconds."""
        soonest_s = IDLE_S
        for chat in self._departures.chats():
            if len(self._in_flight) >= MOST_IN_FLIGHT:
                break
            if chat in self._in_flight:
                continue
            channel_wait_s = self._channel_wait_s(chat)
            wait_s = max(channel_wait_s, self._departures.wait_s(chat, loop_now()))
            if channel_wait_s > POSTPONE_S or (channel_wait_s > 0.0 and self._sorting.tries_again(chat)):
                self._sorting.postpone(chat, channel_wait_s)
            elif wait_s > 0.0:
                soonest_s = min(soonest_s, wait_s)
            else:
                self._start(self._departures.take(chat), group)
        return soonest_s

    def _channel_wait_s(self, chat: Destination) -> float:
        name, address = chat
        channel = self._channels.get(name)
        if channel is None:
            self._unconfigured[name] = self._clock.now()
        return STOPPED_CHANNEL_RETRY_S if channel is None else channel.wait_s(address)

    def _start(self, letter: Letter, group: asyncio.TaskGroup) -> None:
        channel = self._channels[letter.channel]
        if letter.capped and self._cap.reached(letter.chat_id, self._clock.now()):
            self._sorting.refuse(letter)
            return
        channel.reserve(letter.address)
        name = f"send alert {letter.deliveries[0].alert.id} to {letter.channel}"
        task = group.create_task(self._deliver(letter, channel), name=name)
        self._in_flight[letter.destination] = task
        task.add_done_callback(self._when_done(letter))

    def _when_done(self, letter: Letter) -> Callable[[asyncio.Task[None]], None]:
        def done(_: asyncio.Task[None]) -> None:
            del self._in_flight[letter.destination]
            self._woken.set()
            self._amender.look_again()

        return done

    def _is_free(self, chat: Destination, message_id: str) -> bool:
        """Whether nothing new is on its way to this chat, and the message is not about to change anyway."""
        return (
            chat not in self._in_flight
            and not self._departures.waits(chat)
            and not self._departures.grows(chat, message_id, loop_now())
        )

    # ------------------------------------------------------------ one letter

    async def _deliver(self, letter: Letter, channel: Channel) -> None:
        if letter.capped:
            await self._cap.learn(self._clock.now())
            if self._cap.reached(letter.chat_id, self._clock.now()):
                self._sorting.refuse(letter)
                return
        alert_id = letter.deliveries[0].alert.id
        answer = await self._answers.to(self._post.transmit(letter, channel), channel, alert_id=alert_id)
        error = answer.error
        if error is not None and error.moved_to is not None and letter.moves < MOST_MOVES:
            await self._answers.move(channel, letter.address, error.moved_to)
            self._departures.move(letter, error.moved_to, loop_now())
            return
        if error is None:
            self._departures.told(letter, loop_now())
        else:
            self._departures.dropped(letter)
            await self._answers.heed(error, channel, chat_id=letter.chat_id, alert_id=alert_id)
        now = self._clock.now()
        outcomes = [settled(delivery, answer, now=now, random=self._random) for delivery in letter.deliveries]
        due_at = max(outcome.due_at for outcome in outcomes)
        if due_at > now:
            # What else waits for this chat waits too: it must not overtake.
            channel.park(letter.address, due_at - now)
            self._sorting.try_again(letter.destination, due_at)
        for delivery, outcome in zip(letter.deliveries, outcomes, strict=True):
            self._ledger.settle(delivery, replace(outcome, due_at=due_at))
        for delivery in answer.also:
            self._ledger.settle(delivery, retold(delivery, answer.message_id or "", now))

    def _look_again(self) -> None:
        self._intake.wake()
        self._woken.set()
