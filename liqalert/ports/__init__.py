"""The small protocols between the parts, and the types that cross them."""

from __future__ import annotations

from liqalert.ports.alerts import AlertArchive, AlertOutcomes, AlertReader, AlertRow, Attempt, DeliveryRow
from liqalert.ports.chats import (
    NO_PREFERENCES,
    AddressBook,
    Chat,
    ChatStore,
    Enrolment,
    Loudness,
    Mute,
    Preferences,
    QuietHours,
    Role,
    Standard,
    Subscription,
)
from liqalert.ports.decisions import DecisionStore, Restored
from liqalert.ports.deliveries import (
    Amended,
    Amendment,
    Amendments,
    Delivery,
    DeliveryStatus,
    FannedOut,
    Outbox,
    Outcome,
    Recipient,
    ToldDelivery,
)
from liqalert.ports.errors import DatabaseAway, DeliveryError, RowRefused, StorageError
from liqalert.ports.feeds import FeedSink, FrameRecorder, Journal, ParsedFrame
from liqalert.ports.messages import Button, Event, Message, Notifier
from liqalert.ports.places import Place, place_of
from liqalert.ports.roster import Held, Member, Roster

__all__ = [
    "NO_PREFERENCES",
    "AddressBook",
    "AlertArchive",
    "AlertOutcomes",
    "AlertReader",
    "AlertRow",
    "Amended",
    "Amendment",
    "Amendments",
    "Attempt",
    "Button",
    "Chat",
    "ChatStore",
    "DatabaseAway",
    "DecisionStore",
    "Delivery",
    "DeliveryError",
    "DeliveryRow",
    "DeliveryStatus",
    "Enrolment",
    "Event",
    "FannedOut",
    "FeedSink",
    "FrameRecorder",
    "Held",
    "Journal",
    "Loudness",
    "Member",
    "Message",
    "Mute",
    "Notifier",
    "Outbox",
    "Outcome",
    "ParsedFrame",
    "Place",
    "Preferences",
    "QuietHours",
    "Recipient",
    "Restored",
    "Role",
    "Roster",
    "RowRefused",
    "Standard",
    "StorageError",
    "Subscription",
    "ToldDelivery",
    "place_of",
]
