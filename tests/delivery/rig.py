"""A sender on fakes, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

from liqalert.core.alerts import Alert
from liqalert.delivery.post import Limits
from liqalert.delivery.sender import Sender
from liqalert.ports import Notifier, Recipient
from tests.fakes import FakeDatabase, recipient
from tests.virtual_time import VirtualClock

__all__ = ["FakeDatabase"]

ONE_BY_ONE = Limits(digest_after=1000, daily_cap=1000)


class NoJitter(Random):
    def random(self) -> float:
        return 0.0


def sender_on(
    database: FakeDatabase,
    limits: Limits = ONE_BY_ONE,
    *,
    tell: Callable[[Alert], None] = lambda _: None,
    **notifiers: Notifier,
) -> Sender:
    return Sender(
        database,
        notifiers,
        chats=database,
        history=database,
        amendments=database,
        clock=VirtualClock(),
        random=NoJitter(),
        limits=limits,
        tell=tell,
    )


@asynccontextmanager
async def delivering(
    database: FakeDatabase,
    limits: Limits = ONE_BY_ONE,
    *,
    tell: Callable[[Alert], None] = lambda _: None,
    **notifiers: Notifier,
) -> AsyncIterator[Sender]:
    """A running sender, stopped at the end."""
    sender = sender_on(database, limits, tell=tell, **notifiers)
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
