"""Whether frames come faster than they are taken in, told by what waits in the socket: no clock is needed for it."""

from __future__ import annotations

import sys
from typing import Protocol

if sys.platform != "win32":
    import fcntl
    import termios

LARGE_BYTES = 32_768
"""Less waits in any socket now and then; with the smallest buffers of an operating system this much still fits."""
BEHIND_AFTER_S = 2.0
"""A tick or a slow disk holds up the loop for less, and what has come meanwhile is then caught up with."""


class HasDescriptor(Protocol):
    def fileno(self) -> int: ...


class Backlog:
    """Of one connection. Behind when much has waited all the time for two seconds, until little waits."""

    def __init__(self) -> None:
        self._since: float | None = None
        self.behind = False

    def note(self, waiting: int, now_s: float) -> None:
        """`waiting` bytes are in the socket at `now_s`, in the loop's time."""
        if waiting < LARGE_BYTES:
            self._since, self.behind = None, False
        elif self._since is None:
            self._since = now_s
        elif now_s - self._since >= BEHIND_AFTER_S:
            self.behind = True


def waiting_bytes(socket: HasDescriptor | None) -> int:
    """Bytes that have arrived at `socket` and were not read; 0 where the operating system does not say."""
    if sys.platform == "win32" or socket is None or socket.fileno() < 0:
        return 0
    try:
        answer = fcntl.ioctl(socket.fileno(), termios.FIONREAD, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)
