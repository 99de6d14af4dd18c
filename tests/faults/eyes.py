"""Looks at the daemon's own pages again and again, as a monitor would, and remembers what it saw when."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

import aiohttp

LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Seen:
    """What /readyz and /api/v1/feeds say at one moment; `up` is False where nobody answers."""

    at: float
    """time.monotonic()"""
    up: bool = False
    ready: bool = False
    reasons: tuple[str, ...] = ()
    feed: Mapping[str, Any] = field(default_factory=dict)

    def says(self, words: str) -> bool:
        return any(re.search(words, reason) for reason in self.reasons)


Sign: TypeAlias = Callable[[Seen], bool]


def whole(seen: Seen) -> bool:
    """All connections are open and marks come in."""
    return bool(seen.ready and seen.feed.get("alive") and seen.feed["connected"] == seen.feed["connections"])


def watching(seen: Seen) -> bool:
    """Marks come in, over one connection at least."""
    return bool(seen.ready and seen.feed.get("alive"))


def not_watching(seen: Seen) -> bool:
    return seen.up and not seen.ready and bool(seen.feed) and not seen.feed["alive"]


def connection_lost(seen: Seen) -> bool:
    """One is missing, or has been made again since."""
    feed = seen.feed
    return bool(feed) and (feed["connected"] < feed["connections"] or feed["reconnects"] > 0)


def rejecting(seen: Seen) -> bool:
    """Something that is none of what was asked for is counted."""
    return bool(seen.feed and seen.feed["rejected"])


def says(words: str) -> Sign:
    return lambda seen: seen.says(words)


def whole_without(words: str) -> Sign:
    return lambda seen: whole(seen) and not seen.says(words)


class Eyes:
    def __init__(self, port: int) -> None:
        self.seen: list[Seen] = []
        self._url = f"http://127.0.0.1:{port}"

    async def run(self) -> NoReturn:
        timeout = aiohttp.ClientTimeout(total=5.0)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                self.seen.append(await self._look(session))
                await asyncio.sleep(LOOK_EVERY_S)

    def first(self, sign: Sign, since: float) -> float | None:
        """When `sign` was first seen, `since` then."""
        return next((seen.at for seen in self.seen if seen.at >= since and sign(seen)), None)

    async def until(self, sign: Sign, timeout_s: float = 90.0) -> None:
        """Until something newly seen shows `sign`. Raises TimeoutError with the last that was seen."""
        began = time.monotonic()
        while not (self.seen and self.seen[-1].at >= began and sign(self.seen[-1])):
            if time.monotonic() > began + timeout_s:
                raise TimeoutError(f"not seen within {timeout_s:g} s; last seen: {self.seen[-1:]}")
            await asyncio.sleep(LOOK_EVERY_S / 4)

    async def _look(self, session: aiohttp.ClientSession) -> Seen:
        try:
            async with session.get(f"{self._url}/readyz") as answer:
                ready = await answer.json()
            async with session.get(f"{self._url}/api/v1/feeds") as answer:
                feeds = (await answer.json())["feeds"]
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Seen(time.monotonic())
        return Seen(time.monotonic(), True, ready["ready"], tuple(ready["reasons"]), feeds[0] if feeds else {})
