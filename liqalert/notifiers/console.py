"""Alerts on a terminal or in a service's journal."""

from __future__ import annotations

import itertools
from typing import TextIO

from liqalert.ports import DeliveryError, Message


class ConsoleNotifier:
    """Writes each message to `stream` as a block of its own, set off by blank lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._ids = itertools.count(1)

    async def send(self, address: str, message: Message) -> str:
        """The number of the message since the start. A stream that is gone raises DeliveryError."""
        self._write(f"\n{message.plain}\n\n")
        return str(next(self._ids))

    async def amend(self, address: str, message_id: str, whole: Message | None, news: Message) -> str:
        """What is written cannot be changed: the news follow it, an arrow before each line."""
        lines = "".join(f"-> {line}\n" for line in news.plain.splitlines())
        self._write(lines)
        return message_id

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError) as exc:
            # ValueError: the stream is closed.
            raise DeliveryError(f"the console cannot be written: {exc}", permanent=True) from exc
