"""A sender on a real database, with a fake of the only channel."""

from __future__ import annotations

from random import Random

from liqalert.clock import SystemClock
from liqalert.delivery.sender import Sender
from liqalert.storage.alerts import AlertStore
from liqalert.storage.amendments import MessageAmendments
from liqalert.storage.chats import ChatDirectory
from liqalert.storage.database import Database
from liqalert.storage.outbox import DeliveryOutbox
from tests.fakes import FakeNotifier


def sender_on(database: Database, notifier: FakeNotifier) -> Sender:
    """Sends to the channel telegram."""
    return Sender(
        DeliveryOutbox(database),
        {"telegram": notifier},
        chats=ChatDirectory(database),
        history=AlertStore(database),
        amendments=MessageAmendments(database),
        clock=SystemClock(),
        random=Random(1),
    )
