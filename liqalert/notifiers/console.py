"""Alerts on a terminal or in a service's journal."""

from __future__ import annotations

import errno
import itertools
import os
from typing import TextIO

from liqalert.ports import DeliveryError, Message

GONE = frozenset({errno.EBADF, errno.EPIPE})
"""Nobody will read from there any more. All else may pass, like a full disk."""


class ConsoleNotifier:
    """Writes each message to `stream` as a block of its own, set off by blank lines.

    What its encoding lacks is written as backslash escapes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._ids = itertools.count(1)

    async def send(self, address: str, message: Message) -> str:
        """The number of the message since the start. Raises DeliveryError, permanent when the stream is gone."""
        self._write(f"\n{message.plain}\n\n")
        return str(next(self._ids))

    async def amend(self, address: str, message_id: str, whole: Message | None, news: Message) -> str:
        """What is written cannot be changed: the news follow it, an arrow before each line."""
        lines = "".join(f"-> {line}\n" for line in news.plain.splitlines())
        self._write(lines)
        return message_id

    def _write(self, text: str) -> None:
        """Past the stream's buffer: what failed would stay there, and appear beside its repetition."""
        rest = text.encode(self._stream.encoding, "backslashreplace")
        try:
            self._stream.flush()
            while rest:
                rest = rest[os.write(self._stream.fileno(), rest) :]
        except ValueError as exc:
            raise DeliveryError(f"the console is closed: {exc}", permanent=True) from exc
        except OSError as exc:
            raise DeliveryError(f"the console cannot be written: {exc}", permanent=exc.errno in GONE) from exc
