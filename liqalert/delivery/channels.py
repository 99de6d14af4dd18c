"""One channel as the sender sees it: a notifier, its pace, and whether it is refused."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from liqalert.delivery.attempts import STOPPED_CHANNEL_RETRY_S
from liqalert.delivery.closures import Closures
from liqalert.delivery.pacing import FREE_PACE, TELEGRAM_PACE, Pace, Pacing
from liqalert.ports import DeliveryError, Message, Notifier
from liqalert.ports.channels import CONSOLE, TELEGRAM, WEBHOOK
from liqalert.render.numbers import first_few

TIMEOUT_S = 60.0
"""A notifier has shorter timeouts of its own; this is for one that forgot them."""


class Growth(StrEnum):
    """What becomes of a message that has more to say."""

    CHANGED = "changed"
    """It is made to say it."""
    FOLLOWED = "followed"
    """It stays, and `Notifier.amend` passes on what is new."""
    REPEATED = "repeated"
    """It stays, and what is new is a message of its own."""


@dataclass(frozen=True, slots=True)
class Ways:
    """What a channel is like."""

    pace: Pace
    growth: Growth
    between_s: float
    """From one growth of a message to the next."""
    of_settings: bool = True
    """Its addresses stand in the settings: one that takes nothing is a fault there, and no chat that has left."""


WAYS = {
    TELEGRAM: Ways(TELEGRAM_PACE, Growth.CHANGED, 2.0, of_settings=False),
    CONSOLE: Ways(FREE_PACE, Growth.FOLLOWED, 2.0),
    WEBHOOK: Ways(FREE_PACE, Growth.FOLLOWED, 2.0),
}
OTHER_WAYS = Ways(FREE_PACE, Growth.REPEATED, 60.0)


class Channel:
    """Times are those of the running loop: a wall clock may jump."""

    def __init__(self, name: str, notifier: Notifier) -> None:
        self.name = name
        self.ways = WAYS.get(name, OTHER_WAYS)
        self._notifier = notifier
        self._pacing = Pacing(self.ways.pace)
        self._reserved: dict[str, float] = {}
        """When a place was taken for a message that has not left yet, by address."""
        self._refused: str | None = None
        """Why the whole channel is refused; None while it works."""
        self._closures = Closures()
        self._refusals: dict[str, str | None] = {}
        """Why each address of the settings has not taken its last message; None where it has."""
        self._retry_at = -math.inf

    @property
    def refusal(self) -> str | None:
        """Why the whole channel is refused, which chats let nobody write, or which addresses take nothing; None while
        all is well."""
        not_taken = sorted(filter(None, self._refusals.values()))
        if not_taken and not self._refused:
            return f"the last message was not taken: {first_few(not_taken)}"
        return self._refused or self._closures.problem(self.name, loop_now())

    @property
    def works(self) -> bool:
        """As far as is known: nothing is refused as a whole, and not all that was sent."""
        return self._refused is None and (not self._refusals or None in self._refusals.values())

    def wait_s(self, address: str, share: float = 1.0) -> float:
        """How long until a message may leave for `address`; 0 or less: now. `share` as for `Pacing.ready_at`."""
        return max(self._pacing.ready_at(address, share), self._retry_at) - loop_now()

    def reserve(self, address: str) -> None:
        """A message is about to leave for `address`."""
        self._reserved[address] = loop_now()
        self._pacing.leaves(address, self._reserved[address])
        if self._refused is not None:
            # One message finds out whether the channel works again; the others wait for what becomes of it.
            self._retry_at = loop_now() + STOPPED_CHANNEL_RETRY_S

    def refuse(self, reason: str) -> None:
        """The whole channel is refused, for now: Telegram has been seen to refuse a good token for a while."""
        self._refused, self._retry_at = reason, loop_now() + STOPPED_CHANNEL_RETRY_S

    def park(self, address: str, seconds: float) -> None:
        if address in self._closures:
            self._pacing.park_alone(address, loop_now() + seconds)
        else:
            self._pacing.park(address, loop_now() + seconds)

    async def turn(self, address: str) -> None:
        """Waits for a place, and reserves it."""
        # Sleeps for a known time; meanwhile other chats may take the place, so it looks again.
        while (wait_s := self.wait_s(address)) > 0.0:  # noqa: ASYNC110 - see above
            await asyncio.sleep(wait_s)
        self.reserve(address)

    async def transmit(self, address: str, messages: Sequence[Message]) -> str:
        """Sends `messages` one after the other, at pace; the id of the last. Raises DeliveryError.

        The first one's place must have been reserved.
        """
        message_id = ""
        for position, message in enumerate(messages):
            if position:
                await self.turn(address)
            self._leaves(address)
            message_id = await self._send(address, message)
        return message_id

    async def amend(self, address: str, message_id: str, whole: Message | None, news: Message) -> str:
        """As `Notifier.amend`. Its place must have been reserved."""
        self._leaves(address)
        return await self._in_time(self._notifier.amend(address, message_id, whole, news))

    async def _send(self, address: str, message: Message) -> str:
        try:
            message_id = await self._in_time(self._notifier.send(address, message))
        except DeliveryError as error:
            if error.closed is not None:
                self._closures.refused(error.closed, str(error), loop_now())
            if self.ways.of_settings:
                self._refusals[address] = str(error)
            raise
        self._closures.took(address)
        if self.ways.of_settings:
            self._refusals[address] = None
        return message_id

    def _leaves(self, address: str) -> None:
        """The limits count what leaves: thirty that have waited for the database leave at the same moment."""
        reserved_at = self._reserved.pop(address, None)
        if reserved_at is not None:
            self._pacing.left_later(address, reserved_at, loop_now())

    async def _in_time(self, call: Awaitable[str]) -> str:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                message_id = await call
        except TimeoutError as exc:
            raise DeliveryError(f"no answer within {TIMEOUT_S:.0f} s: whether it arrived is unknown") from exc
        self._refused, self._retry_at = None, -math.inf
        return message_id


def problems_by_part(
    channels: Mapping[str, Channel], *, outbox: Sequence[str | None], waited_for: Iterable[str]
) -> dict[str, list[str]]:
    """Sentences by channel, and those of the `outbox`. `waited_for`: channels that are not there."""
    found: dict[str, list[str | None]] = {name: [channel.refusal] for name, channel in channels.items()}
    for name in sorted(waited_for):
        found[name] = [f"alerts wait for the channel {name}, which is not configured"]
    found["outbox"] = [*outbox]
    return {part: [problem for problem in problems if problem] for part, problems in found.items()}


def loop_now() -> float:
    """The time of a clock that only runs forward."""
    return asyncio.get_running_loop().time()
