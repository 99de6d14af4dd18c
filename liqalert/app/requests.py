"""What chats and the web ask the daemon to do: a test alert, other rules."""

from __future__ import annotations

from dataclasses import dataclass, field

from liqalert.app.parts import Delivering, Stores
from liqalert.clock import Clock
from liqalert.core.alerts import TEST, Alert
from liqalert.core.identity import short_id
from liqalert.core.market import UnixTime
from liqalert.pipeline import Pipeline
from liqalert.ports import Role
from liqalert.ports.channels import APPRISE, CONSOLE, TELEGRAM, WEBHOOK
from liqalert.web.alerts import UnknownChat

TEST_SENTENCE = "This alert took the way of every alert: database, outbox, channel."
TEST_EVERY_S = 10.0
"""Of one chat, which is told one after the other: tests without end would keep alerts waiting behind them, and not only
its own."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Every request is an alert or a value that goes the same way as all others."""

    clock: Clock
    stores: Stores
    delivering: Delivering
    pipeline: Pipeline
    tests: dict[int, tuple[UnixTime, str]] = field(default_factory=dict)
    """By chat, when the last test was asked for, and its id."""

    async def rules_changed(self) -> None:
        """Evaluates what chats hold now. Raises StorageError."""
        self.pipeline.set_rules(await self.stores.chats.rules(), self.clock.now())

    def outbox_changed(self) -> None:
        """Sends what has come due."""
        self.delivering.sender.wake()

    async def send_test(self, chat_id: int) -> str:
        """A test alert to one chat (row in `chats`), by the real path; gives its id. Soon after one it is the same."""
        now = self.clock.now()
        if chat_id in self.tests and 0.0 <= now - self.tests[chat_id][0] < TEST_EVERY_S:
            return self.tests[chat_id][1]
        alert = Alert(
            id=short_id(TEST, chat_id, now),
            kind=TEST,
            decided_at=now,
            reason="asked_for",
            text=TEST_SENTENCE,
            only_chat=chat_id,
        )
        self.tests[chat_id] = now, alert.id
        self.delivering.recorder.put_notice(alert)
        return alert.id

    async def send_test_to(self, address: str | None) -> str:
        """A test alert to the chat with this address; None: the owner's on Telegram, else where alerts go otherwise.

        Raises UnknownChat, StorageError.
        """
        order = (TELEGRAM, WEBHOOK, APPRISE, CONSOLE)
        chats = sorted(
            await self.stores.enrolments.chats(),
            key=lambda chat: (order.index(chat.channel), chat.role is not Role.OWNER, chat.id),
        )
        for chat in chats:
            if address in (None, chat.address):
                return await self.send_test(chat.id)
        raise UnknownChat(
            f"{address or 'nobody'} is not an allowed chat: add it to telegram.allowed_chats, or use liqalert pair",
            tuple(chat.address for chat in chats),
        )
