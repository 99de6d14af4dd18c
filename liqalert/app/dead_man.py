"""The outward dead man's switch: a URL asked for every minute while all is well. Its silence is the alarm.

Whatever stops liqalert (its machine too) also stops this, so a service that expects the request can tell.
"""

from __future__ import annotations

import logging

import aiohttp

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
