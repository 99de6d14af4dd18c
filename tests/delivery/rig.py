"""A sender on fakes, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from liqalert.delivery.sender import Sender
from liqalert.ports import Notifier, Recipient
from tests.fakes import FakeDatabase, recipient
from tests.virtual_time import VirtualClock


class NoJitter(Random):
    def random(self) -> float:
        return 0.0


def sender_on(database: FakeDatabase, **notifiers: Notifier) -> Sender:
    return Sender(database, notifiers, chats=database, history=database, clock=VirtualClock(), random=NoJitter())


@asynccontextmanager
async def delivering(database: FakeDatabase, **notifiers: Notifier) -> AsyncIterator[Sender]:
    """A running sender, stopped at the end."""
    sender = sender_on(database, **notifiers)
    task = asyncio.create_task(sender.run(), name="sender")
    try:
        yield sender
    finally:
        await sender.stop()
        await task


def chats(*numbers: int) -> list[Recipient]:
    return [recipient(number) for number in numbers]


def alert_ids(texts: list[str]) -> list[str]:
    """Which alerts the messages are about."""
    return [text.split("/why ")[1] for text in texts]
