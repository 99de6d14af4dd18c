"""One channel as the sender sees it: a notifier, its pace, and whether it has been refused for good."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from liqalert.delivery.pacing import Pacing
from liqalert.ports import DeliveryError, Message, Notifier

TIMEOUT_S = 60.0
"""A notifier has shorter timeouts of its own; this is for one that forgot them."""


class Channel:
    """Times are those of the running loop: a wall clock may jump."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._pacing = Pacing()
        self.refusal: str | None = None
        """Why the whole channel is refused; None while it works."""

    def wait_s(self, address: str) -> float:
        """How long until a message may leave for `address`; 0 or less: now."""
        return self._pacing.ready_at(address) - _now()

    def reserve(self, address: str) -> None:
        """The first message of the next `transmit` leaves now."""
        self._pacing.leaves(address, _now())

    def park(self, address: str, seconds: float) -> None:
        self._pacing.park(address, _now() + seconds)

    async def transmit(self, address: str, messages: Sequence[Message]) -> str:
        """Sends `messages` one after the other, at pace; the id of the last. Raises DeliveryError.

        The first one's place must have been reserved.
        """
        message_id = ""
        for position, message in enumerate(messages):
            if position:
                await self._turn(address)
            message_id = await self._send(address, message)
        return message_id

    async def _turn(self, address: str) -> None:
        # Sleeps for a known time; meanwhile other chats may take the place, so it looks again.
        while (wait_s := self.wait_s(address)) > 0.0:  # noqa: ASYNC110
            await asyncio.sleep(wait_s)
        self.reserve(address)

    async def _send(self, address: str, message: Message) -> str:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._notifier.send(address, message)
        except TimeoutError as exc:
            raise DeliveryError(f"no answer within {TIMEOUT_S:.0f} s: whether it arrived is unknown") from exc


def _now() -> float:
    return asyncio.get_running_loop().time()
