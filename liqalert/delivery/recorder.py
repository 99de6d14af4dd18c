"""Decisions into the database, in order, before anything is sent. What it refuses is sent all the same, and says so."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from liqalert.clock import Clock
from liqalert.core.alerts import Alert
from liqalert.core.episodes import Decision, Transition, alerts_in
from liqalert.core.market import UnixTime
from liqalert.ports import DecisionStore, FannedOut, Recipient, RowRefused, StorageError

log = logging.getLogger(__name__)

RETRY_S = 3.0
PATIENCE_S = 1.0
"""An alert waits for the database this long, then it goes out unrecorded, whatever becomes of the write."""
TIMEOUT_S = 6.0
"""A write that takes longer is tried again. A second more than SQLite's busy timeout, so that a lock is named."""
READING_WITHIN_S = 2.0
"""What is remembered of the recipients is good enough to wait no longer for a database that does not answer."""
MOST_BATCHES = 10_000


class Audience(Protocol):
    """Who would be told of an alert. Readable even where nothing can be written."""

    async def recipients(self, alert: Alert, now: UnixTime) -> Sequence[Recipient]:
        """Raises StorageError."""
        ...


class AlertSender(Protocol):
    """The part of the Sender that the recorder needs."""

    def wake(self) -> None: ...

    def wake_amender(self) -> None: ...

    def send_recorded(self, fanned_out: FannedOut) -> None: ...

    def withhold(self, alert: Alert) -> bool: ...

    def release(self, alert: Alert) -> None: ...

    async def deliver_unrecorded(self, alert: Alert, recipients: Sequence[Recipient]) -> None: ...


Remembered: TypeAlias = Callable[[Alert, UnixTime], Sequence[Recipient]]
Entry: TypeAlias = tuple[Decision, ...] | Alert
"""The decisions of one moment, or one alert about liqalert itself."""


@dataclass(slots=True)
class _Waiting:
    entry: Entry
    since: float
    """Loop time."""
    handed_over: bool = False
    """Its alerts have gone out unrecorded."""


class DecisionRecorder:
    """Takes decisions at once (`put`), writes them one batch after the other (`run`).

    `remembered` gives whom an alert concerns when not even the recipients can be read.
    """

    def __init__(
        self,
        store: DecisionStore,
        sender: AlertSender,
        *,
        audience: Audience,
        clock: Clock,
        remembered: Remembered = lambda _alert, _now: (),
    ) -> None:
        self._store = store
        self._sender = sender
        self._audience = audience
        self._clock = clock
        self._remembered = remembered
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._unwritten = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self.dropped = 0
        """Batches that made room for newer ones while nothing could be written."""
        self.unwritable = 0
        """Batches that the database can never take."""
        self._renounced = False
        self.problem: str | None = None
        """Why decisions are not being recorded; None while they are."""

    @property
    def waiting(self) -> int:
        """Batches that are not written yet."""
        return len(self._waiting)

    def put(self, decisions: Sequence[Decision]) -> None:
        if decisions:
            self._add(tuple(decisions))

    def put_notice(self, alert: Alert) -> None:
        """An alert about liqalert itself, of one of the kinds in `ABOUT_LIQALERT`."""
        self._add(alert)

    def renounce(self) -> None:
        """Forgets what is not written, and takes nothing any more: another decides now on what the database has."""
        self._renounced = True
        self._waiting.clear()
        self._settled.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_writing(), name="record decisions")
            group.create_task(self._lose_patience(), name="send what is not recorded in time")

    async def drain(self, within_s: float = 5.0) -> int:
        """Waits until everything is written, or refused, or the time is up; how many batches are not written."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._settled.wait()
        return len(self._waiting)

    def _add(self, entry: Entry) -> None:
        if self._renounced:
            return
        self._waiting.append(_Waiting(entry, asyncio.get_running_loop().time()))
        if len(self._waiting) > MOST_BATCHES:
            self._waiting.popleft()
            self.dropped += 1
        self._settled.clear()
        self._unwritten.set()
        self._arrived.set()

    async def _keep_writing(self) -> None:
        while True:
            self._arrived.clear()
            await self._write_all()
            if self.problem is None:
                await self._arrived.wait()
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_S):
                        await self._arrived.wait()

    async def _lose_patience(self) -> None:
        while True:
            # No timeout: nothing is to be done while everything is written.
            await self._unwritten.wait()
            await asyncio.sleep(PATIENCE_S / 4.0)
            await self._hand_over(asyncio.get_running_loop().time() - PATIENCE_S)
            if all(waiting.handed_over for waiting in self._waiting):
                self._unwritten.clear()

    async def _write_all(self) -> None:
        """Writes what waits, oldest first, until there is nothing left or the database refuses."""
        while self._waiting:
            first = self._waiting[0]
            fanned_out = None
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    fanned_out = await self._write(first)
            except RowRefused as exc:
                # Trying again would hold up every later decision for ever. Its alerts are told all the same.
                log.error("decisions can never be recorded", extra={"error": str(exc), "decisions": repr(first.entry)})
                await self._hand_over(asyncio.get_running_loop().time())
                self.unwritable += 1
            except (StorageError, TimeoutError) as exc:
                self._refused(str(exc) or f"no answer within {TIMEOUT_S:.0f} s")
                await self._hand_over(asyncio.get_running_loop().time())
                break
            if self._waiting and self._waiting[0] is first:
                self._waiting.popleft()
            self._send(first, fanned_out)
        else:
            self._recovered()
        if not self._arrived.is_set():
            self._settled.set()

    async def _write(self, waiting: _Waiting) -> FannedOut | None:
        """What the fan-out has come to, where it is recorded as well."""
        entry = waiting.entry
        if isinstance(entry, Alert):
            await self._store.record_notice(entry)
        elif waiting.handed_over or not _alerts(entry):
            await self._store.record(entry)
        else:
            return await self._store.record_and_fan_out(entry, self._clock.now())
        return None

    def _send(self, written: _Waiting, fanned_out: FannedOut | None) -> None:
        """What is written is now to be sent, or has made messages untrue."""
        if fanned_out is not None and not written.handed_over:
            self._sender.send_recorded(fanned_out)
        elif _alerts(written.entry):
            # What went out while it was being written is taken over by the database first.
            self._sender.wake()
        if _concerns_old_messages(written.entry):
            self._sender.wake_amender()

    async def _hand_over(self, since: float) -> None:
        """Sends the alerts that have waited `since` then or longer, unrecorded; each once."""
        readable = True
        for waiting in tuple(self._waiting):
            if waiting.since <= since and not waiting.handed_over:
                waiting.handed_over = True
                # All of them before the first wait: a write under way may make deliveries that are not to be sent.
                for alert in [alert for alert in _alerts(waiting.entry) if self._sender.withhold(alert)]:
                    # Asked once in vain, the database is not asked again for each of a hundred alerts.
                    stored = await self._recipients(alert) if readable else None
                    readable = stored is not None
                    recipients = self._remembered(alert, self._clock.now()) if stored is None else stored
                    # It may have been written meanwhile, and then goes out the usual way.
                    if any(each is waiting for each in self._waiting):
                        await self._sender.deliver_unrecorded(alert, recipients)
                    else:
                        self._sender.release(alert)

    async def _recipients(self, alert: Alert) -> Sequence[Recipient] | None:
        """None when they cannot be read."""
        try:
            async with asyncio.timeout(READING_WITHIN_S):
                return await self._audience.recipients(alert, self._clock.now())
        except (StorageError, TimeoutError) as exc:
            log.warning("recipients cannot be read", extra={"alert": alert.id, "error": str(exc)})
            return None

    def _refused(self, cause: str) -> None:
        if self.problem is None:
            log.error("decisions refused by the database", extra={"error": cause})
        self.problem = f"not recorded: database unwritable ({cause})"

    def _recovered(self) -> None:
        if self.problem is not None:
            log.info("decisions recorded again")
        self.problem = None


def _alerts(entry: Entry) -> tuple[Alert, ...]:
    if isinstance(entry, Alert):
        return (entry,)
    return tuple(alerts_in(entry))


def _concerns_old_messages(entry: Entry) -> bool:
    """Whether a message that was sent may no longer be true."""
    return not isinstance(entry, Alert) and any(
        isinstance(each, Transition) and each.alert is None and each.episode.alert_id is not None for each in entry
    )
