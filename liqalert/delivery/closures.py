"""Chats and topics of a channel that take no messages for now, and may again when somebody there says so."""

from __future__ import annotations

from liqalert.ports.places import chat_of
from liqalert.render.numbers import first_few

FORGOTTEN_AFTER_S = 180.0
"""What waits is tried twice a minute: where nothing has been for so long, nothing waits any more."""


class Closures:
    """Times are those of a clock that only runs forward."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, str]] = {}
        """When each was last refused, and why."""

    def __contains__(self, address: str) -> bool:
        return address in self._seen

    def refused(self, address: str, why: str, now: float) -> None:
        self._forget(now)
        self._seen[address] = now, why

    def took(self, address: str) -> None:
        """A message has arrived there: neither the topic nor its chat is closed."""
        for open_again in (address, chat_of(address)):
            self._seen.pop(open_again, None)

    def problem(self, channel: str, now: float) -> str | None:
        """A sentence with those for which something waits; None while there are none."""
        self._forget(now)
        if not self._seen:
            return None
        _, why = max(self._seen.values())
        return f"alerts for {channel} {first_few(sorted(self._seen))} wait until liqalert may write there again: {why}"

    def _forget(self, now: float) -> None:
        kept = {address: seen for address, seen in self._seen.items() if now - seen[0] < FORGOTTEN_AFTER_S}
        self._seen = kept
