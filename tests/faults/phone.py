"""The Bot API stand-in that remembers when each message came, and reads alerts out of messages."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.telegram_server import TelegramServer


@dataclass(frozen=True, slots=True)
class Received:
    at: float
    """time.monotonic()"""
    chat: int
    text: str


class Phone(TelegramServer):
    """`down` stops it, `up` brings it back at the same address."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[Received] = []

    def _keep(self, params: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
        kept = super()._keep(params, content)
        self.received.append(Received(time.monotonic(), int(params["chat_id"]), kept["text"]))
        return kept

    def recover(self, method: str) -> None:
        """No more of the faults that were still to come."""
        self._faults[method].clear()

    async def down(self) -> None:
        await self.stop()

    async def up(self) -> None:
        await self.start(self.port)

    def tellings(self, chat: int, symbol: str) -> int:
        """In how many messages an alert about `symbol` stands, alone or in a list, as they read now."""
        alert = re.compile(rf"\b{symbol}: .* a cluster of liquidated")
        return sum(alert.search(text) is not None for text in self.texts(chat))

    def alerted_at(self, chat: int, symbol: str) -> float | None:
        """When an alert about `symbol` first came."""
        return self.first(chat, rf"\b{symbol}: .* a cluster of liquidated", 0.0)

    def first(self, chat: int, words: str, since: float) -> float | None:
        """When the first message with `words` came, `since` then."""
        for message in self.received:
            if message.chat == chat and message.at >= since and re.search(words, message.text):
                return message.at
        return None
