"""The outward dead man's switch: a URL asked for every minute while all is well. Its silence is the alarm.

Whatever stops liqalert (its machine too) also stops this, so a service that expects the request can tell.
"""

from __future__ import annotations

import logging

import aiohttp

from liqalert.delivery.attempts import LATE_AFTER_S
from liqalert.ports.channels import TELEGRAM

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
ERRORS = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


class DeadMansSwitch:
    """The address is a secret: who knows it can hold back the alarm."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self.problem: str | None = None
        """Why the last request did not arrive, without the address."""

    async def ping(self) -> None:
        """Asks once. Never raises."""
        try:
            async with self._session.get(self._url, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as response:
                refused = None if response.ok else f"HTTP {response.status}"
        except ERRORS as exc:
            refused = type(exc).__name__
        if refused is not None and self.problem is None:
            log.warning("dead man's switch not reached", extra={"reason": refused})
        self.problem = None if refused is None else f"owner.ping_url was not reached ({refused}): expect its alarm."


def is_anybody_told(working: frozenset[str], told_over: frozenset[str] | None, *, telegram_cut_off_s: float) -> bool:
    """Whether there is a channel that works and over which somebody is told (None: not known yet).

    Telegram may be away for as long as an alert may be late: most outages are shorter, and no reason to wake anybody.
    """
    if telegram_cut_off_s >= LATE_AFTER_S:
        working -= {TELEGRAM}
    return bool(working if told_over is None else working & told_over)
