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
from liqalert.delivery.attempts import (
    STOPPED_CHANNEL_RETRY_S,
    Answer,
    Step,
    given_up,
    next_step,
    postponed,
    settled,
    turned_late,
)
from liqalert.delivery.channels import Channel
from liqalert.delivery.fanout import FanOut
from liqalert.delivery.intake import Intake
from liqalert.delivery.letters import Letter, compose
from liqalert.delivery.settler import Settler
from liqalert.delivery.unrecorded import AdoptingOutbox, Unrecorded
from liqalert.ports import AddressBook, AlertReader, Delivery, DeliveryError, Notifier, Outcome, Recipient, StorageError

log = logging.getLogger(__name__)

MOST_IN_FLIGHT = 30
FEW_HELD = 50
"""More is read from the outbox when fewer than this wait for their turn."""
POSTPONE_S = 2.0
"""A delivery that must wait longer goes back to the outbox: memory is for those whose turn is near."""
IDLE_S = 30.0
MOST_MOVES = 3


class Sender:
    """Delivers until stopped. One message at a time to a chat, so that order and retry_after hold; many chats at once.

    `random` decides the jitter of retries, `zone_name` is the IANA zone of times in messages; `banner` stands above
    every message.
    """

    def __init__(
        self,
        outbox: AdoptingOutbox,
        notifiers: Mapping[str, Notifier],
        *,
        chats: AddressBook,
        history: AlertReader,
        clock: Clock,
        random: Random,
        zone_name: str = "UTC",
        banner: str | None = None,
    ) -> None:
        self._channels = {name: Channel(notifier) for name, notifier in notifiers.items()}
        self._chats = chats
        self._clock = clock
        self._random = random
        self._zone_name = zone_name
        self._banner = banner
        self._busy: set[int] = set()
        """Deliveries taken from an outbox and not settled yet."""
        self._held: list[Letter] = []
        self._in_flight: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._unrecorded = Unrecorded()
        self._fan_out = FanOut(outbox, self._unrecorded, clock, busy=self._busy, added=self._look_again)
        self._settler = Settler(outbox, self._unrecorded, stored=self._stored)
        self._intake = Intake(outbox, self._unrecorded, history, busy=self._busy)
        self._woken = asyncio.Event()
        self._ended = asyncio.Event()
        self._running = False
        self._stopping = False
        self.counts: Counter[tuple[str, str]] = Counter()
        """Since the start, by channel: deliveries that became `sent`, `late` or `dead`; attempts that `failed`, and
        those among them that were `unexpected`."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences for /status and /readyz; empty while all is well."""
        refusals = (channel.refusal for channel in self._channels.values())
        found = [*refusals, self._fan_out.problem, self._settler.problem, self._intake.problem]
        if self._unrecorded.dropped:
            found.append(f"{self._unrecorded.dropped} alerts were dropped while the database was unwritable")
        return tuple(problem for problem in found if problem)

    def wake(self) -> None:
        """Something new may be in the outbox."""
        self._fan_out.wake()
        self._look_again()

    async def deliver_unrecorded(self, alert: Alert, recipients: Sequence[Recipient]) -> None:
        """Sends an alert that the database has refused; its outcome is written once the alert is recorded after all."""
        self._unrecorded.add(alert, recipients, self._clock.now())
        self._look_again()

    async def run(self) -> None:
        self._running = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._fan_out.run(), name="fan out alerts")
                group.create_task(self._settler.run(), name="settle deliveries")
                await self._send_until_stopped(group)
                self._fan_out.stop()
                self._settler.close()
        finally:
            self._ended.set()

    async def stop(self, timeout: float = 10.0) -> None:
        """Starts nothing new, finishes what is being sent, and writes the outcomes; gives up after `timeout`."""
        self._stopping = True
        self._fan_out.stop()
        self._woken.set()
        if not self._running:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._ended.wait()
        except TimeoutError:
            log.warning("sending cut short", extra={"in_flight": len(self._in_flight)})
            for task in list(self._in_flight.values()):
                task.cancel()
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
        if len(self._held) < FEW_HELD and self._intake.wait_s(now) <= 0.0:
            self._sort(await self._intake.take(now), now)
            if self._fan_out.finished:
                self._hold(await self._intake.lists(now))
        ready_in_s = 0.0 if self._stopping else self._start_ready(group)
        reading_in_s = self._intake.wait_s(now) if len(self._held) < FEW_HELD else IDLE_S
        return min(ready_in_s, reading_in_s, IDLE_S)

    def _sort(self, deliveries: Sequence[Delivery], now: UnixTime) -> None:
        for delivery in deliveries:
            step = next_step(delivery, now)
            if step is Step.SEND:
                self._hold([Letter((delivery,))])
            elif step is Step.TURN_LATE:
                self._settle(delivery, turned_late(delivery, now))
            elif step is Step.GIVE_UP:
                self._settle(delivery, given_up(delivery, now))

    def _hold(self, letters: Sequence[Letter]) -> None:
        self._held.extend(letters)
        self._busy.update(delivery.id for letter in letters for delivery in letter.deliveries)

    def _start_ready(self, group: asyncio.TaskGroup) -> float:
        """Starts the letters whose turn it is, oldest first; when the next one's turn comes, in seconds."""
        soonest_s = IDLE_S
        for letter in tuple(self._held):
            if len(self._in_flight) >= MOST_IN_FLIGHT:
                break
            if letter.destination in self._in_flight:
                continue
            wait_s = self._wait_s(letter)
            if wait_s > POSTPONE_S:
                self._postpone(letter, wait_s)
            elif wait_s > 0.0:
                soonest_s = min(soonest_s, wait_s)
            else:
                self._start(letter, group)
        return soonest_s

    def _wait_s(self, letter: Letter) -> float:
        channel = self._channels.get(letter.channel)
        if channel is None or channel.refusal:
            return STOPPED_CHANNEL_RETRY_S
        return channel.wait_s(letter.address)

    def _postpone(self, letter: Letter, wait_s: float) -> None:
        self._held.remove(letter)
        now = self._clock.now()
        # Whole milliseconds: all that waits for one chat comes due at the same moment, and so in its old order.
        until = round(now + wait_s, 3)
        for delivery in letter.deliveries:
            self._settle(delivery, postponed(delivery, until, now))

    def _start(self, letter: Letter, group: asyncio.TaskGroup) -> None:
        self._held.remove(letter)
        channel = self._channels[letter.channel]
        channel.reserve(letter.address)
        name = f"send alert {letter.deliveries[0].alert.id} to {letter.channel}"
        task = group.create_task(self._deliver(letter, channel), name=name)
        self._in_flight[letter.destination] = task
        task.add_done_callback(self._when_done(letter))

    def _when_done(self, letter: Letter) -> Callable[[asyncio.Task[None]], None]:
        def done(_: asyncio.Task[None]) -> None:
            del self._in_flight[letter.destination]
            self._woken.set()

        return done

    # ------------------------------------------------------------ one letter

    async def _deliver(self, letter: Letter, channel: Channel) -> None:
        answer = await self._attempt(letter, channel)
        error = answer.error
        if error is not None and error.moved_to is not None and letter.moves < MOST_MOVES:
            await self._move(letter, error.moved_to)
            return
        if error is not None:
            await self._heed(letter, channel, error)
        now = self._clock.now()
        outcomes = [settled(delivery, answer, now=now, random=self._random) for delivery in letter.deliveries]
        due_at = max(outcome.due_at for outcome in outcomes)
        if due_at > now:
            # What else waits for this chat waits too: it must not overtake.
            channel.park(letter.address, due_at - now)
        for delivery, outcome in zip(letter.deliveries, outcomes, strict=True):
            self._settle(delivery, replace(outcome, due_at=due_at))

    async def _attempt(self, letter: Letter, channel: Channel) -> Answer:
        try:
            messages = compose(letter, zone_name=self._zone_name, now=self._clock.now(), banner=self._banner)
            return Answer(await channel.transmit(letter.address, messages))
        except DeliveryError as error:
            return Answer(error=error)
        except Exception as exc:
            # One of the three places that catch everything: a single delivery must not end the others.
            self.counts[letter.channel, "unexpected"] += 1
            log.exception("delivery failed unexpectedly", extra={"alert": letter.deliveries[0].alert.id})
            return Answer(error=DeliveryError(f"unexpected {type(exc).__name__}, see the log"))

    async def _heed(self, letter: Letter, channel: Channel, error: DeliveryError) -> None:
        """What the answer means beyond this letter."""
        self.counts[letter.channel, "failed"] += 1
        log.warning(
            "not delivered",
            extra={"alert": letter.deliveries[0].alert.id, "channel": letter.channel, "error": str(error)},
        )
        if error.channel_dead:
            channel.refusal = f"{letter.channel} sends nothing any more: {error}"
        if error.address_dead:
            try:
                await self._chats.mark_dead(letter.deliveries[0].chat_id, self._clock.now())
            except StorageError as exc:
                log.warning("dead chat not recorded", extra={"error": str(exc)})

    async def _move(self, letter: Letter, new_address: str) -> None:
        """The chat has a new address: the database learns it, and the letter goes there first of all."""
        old_address = letter.address
        try:
            await self._chats.migrate(letter.channel, old_address, new_address)
        except StorageError as exc:
            log.warning("new address not recorded", extra={"error": str(exc)})
        self._unrecorded.moved(letter.channel, old_address, new_address)
        waiting = [each.moved(new_address) if each.destination == letter.destination else each for each in self._held]
        self._held = [letter.moved(new_address), *waiting]

    # ------------------------------------------------------------ bookkeeping

    def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        self._busy.add(delivery.id)
        if outcome.status is not delivery.status:
            self.counts[delivery.channel, outcome.status] += 1
        self._settler.put(outcome)

    def _stored(self, outcomes: Sequence[Outcome]) -> None:
        self._busy.difference_update(outcome.delivery_id for outcome in outcomes)
        self._look_again()

    def _look_again(self) -> None:
        self._intake.wake()
        self._woken.set()
