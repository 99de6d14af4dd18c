"""Tells systemd that the daemon is ready, alive or stopping (sd_notify(3)). Without systemd nothing happens."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)


def notify(message: str, environ: Mapping[str, str]) -> None:
    """Sends `message`, like `READY=1` or `WATCHDOG=1`, to $NOTIFY_SOCKET. Returns at once and never raises."""
    address = environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket, which has no file
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
            sender.sendto(message.encode(), address)
    except OSError as exc:  # a full queue must not stop the loop; the next watchdog message follows soon
        log.warning("systemd could not be told", extra={"error": str(exc)})


def watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    """How often to send `WATCHDOG=1`: half of systemd's limit. None when no watchdog waits for this process."""
    limit_us = environ.get("WATCHDOG_USEC", "")
    pid = environ.get("WATCHDOG_PID", str(os.getpid()))
    if not limit_us.isdecimal() or int(limit_us) == 0 or pid != str(os.getpid()):
        return None
    return int(limit_us) / 2_000_000
