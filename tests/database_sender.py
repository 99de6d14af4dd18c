"""A sender on a real database, with one channel."""

from __future__ import annotations

from random import Random

from liqalert.clock import SystemClock
from liqalert.delivery.sender import Sender
from liqalert.ports import Notifier
from liqalert.storage.alerts import AlertStore
from liqalert.storage.amendments import MessageAmendments
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.outbox import DeliveryOutbox


def sender_on(database: Database, notifier: Notifier, channel: str = "telegram") -> Sender:
    return Sender(
        DeliveryOutbox(database),
        {channel: notifier},
        chats=ChatDirectory(database),
        history=AlertStore(database),
        amendments=MessageAmendments(database),
        clock=SystemClock(),
        random=Random(1),
    )
