"""Who may ask: chats the store allows. Others are told once an hour how to be allowed, and nothing else."""

from __future__ import annotations

from liqalert.clock import Clock
from liqalert.core.market import UnixTime
from liqalert.ports import Chat, ChatStore, StorageError

CHANNEL = "telegram"
QUIET_S = 3600.0
REMEMBERED = 1000
"""Strangers remembered at once. A bound, because anyone may write to a bot."""


class Gate:
    """Looks chats up, and remembers the allowed ones for the time when the database refuses."""

    def __init__(self, chats: ChatStore, clock: Clock) -> None:
        self._chats = chats
        self._clock = clock
        self._allowed: dict[str, Chat] = {}
        self._told_at: dict[str, UnixTime] = {}

    async def admitted(self, address: str) -> Chat | None:
        """The chat if it is allowed. Raises StorageError when the database refuses and the chat never asked before."""
        try:
            chat = await self._chats.chat(CHANNEL, address)
        except StorageError:
            if address in self._allowed:
                return self._allowed[address]
            raise
        if chat is None:
            self._allowed.pop(address, None)
            return None
        self._allowed[address] = chat
        return chat

    def has_admitted(self, address: str) -> bool:
        """Whether the chat was allowed when it last asked."""
        return address in self._allowed

    def may_tell(self, address: str) -> bool:
        """Whether a stranger is due a sentence; counts as told from now on."""
        now = self._clock.now()
        if now - self._told_at.get(address, -QUIET_S) < QUIET_S:
            return False
        if len(self._told_at) >= REMEMBERED:
            self._told_at = {who: at for who, at in self._told_at.items() if now - at < QUIET_S}
        if len(self._told_at) >= REMEMBERED:
            return False
        self._told_at[address] = now
        return True
