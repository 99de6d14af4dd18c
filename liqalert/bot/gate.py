"""Who may ask, and who may change anything. Others are told once an hour how to be allowed, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from liqalert.clock import Clock
from liqalert.core.market import UnixTime
from liqalert.ports import Chat, ChatStore, Role, StorageError
from liqalert.ports.channels import TELEGRAM

ANSWER_WITHIN_S = 2.0
"""A database that does not answer would hold up every command, and those of all other chats behind it."""
QUIET_S = 3600.0
REMEMBERED = 1000
"""Strangers remembered at once. A bound, because anyone may write to a bot."""
CODES_AN_HOUR = 5


class Gate:
    """Looks chats up, and remembers the allowed ones for the time when the database refuses."""

    def __init__(self, chats: ChatStore, clock: Clock) -> None:
        self._chats = chats
        self._clock = clock
        self._allowed: dict[str, Chat] = {}
        self._told_at: dict[str, UnixTime] = {}
        self._tries: dict[str, list[UnixTime]] = {}

    async def admitted(self, addresses: Sequence[str]) -> Chat | None:
        """The first of `addresses` (a topic, then its chat) that is allowed.

        Raises StorageError when the database refuses and none of them asked before.
        """
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self._looked_up(addresses)
        except (StorageError, TimeoutError) as exc:
            known = next((self._allowed[address] for address in addresses if address in self._allowed), None)
            if known is None:
                raise StorageError(str(exc) or f"the database does not answer within {ANSWER_WITHIN_S:.0f} s") from exc
            return known

    async def _looked_up(self, addresses: Sequence[str]) -> Chat | None:
        for address in addresses:
            chat = await self._chats.chat(TELEGRAM, address)
            if chat is not None:
                self._allowed[address] = chat
                return chat
            self._allowed.pop(address, None)
        return None

    def forget(self, address: str) -> None:
        """The chat was removed: no longer served from memory where the database refuses."""
        self._allowed.pop(address, None)

    async def may_change(self, chat: Chat, person: str | None, *, private: bool) -> bool:
        """In a group only who is enrolled in person. `person` None: not known, as with anonymous administrators.

        Raises StorageError.
        """
        if chat.role is Role.READER:
            return False
        if private:
            return True
        enrolled = await self.enrolled(person)
        return enrolled is not None and enrolled.role is not Role.READER

    async def enrolled(self, person: str | None) -> Chat | None:
        """The private chat of who is enrolled in person. Raises StorageError."""
        return await self._chats.chat(TELEGRAM, person) if person is not None else None

    async def knows(self, person: str | None) -> bool:
        """Whether `person` is enrolled, as far as the database can say."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self.enrolled(person) is not None
        except (StorageError, TimeoutError):
            return False

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

    def may_try_code(self, person: str) -> bool:
        """Whether `person` may try another one-time code; counts as a try."""
        now = self._clock.now()
        if len(self._tries) >= REMEMBERED:
            self._tries = {who: tries for who, tries in self._tries.items() if now - tries[-1] < QUIET_S}
        tries = [at for at in self._tries.get(person, []) if now - at < QUIET_S]
        if len(tries) >= CODES_AN_HOUR or (not tries and len(self._tries) >= REMEMBERED):
            return False
        self._tries[person] = [*tries, now]
        return True
