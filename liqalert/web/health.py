"""/healthz and /readyz: is the process working, and can it be relied on right now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from aiohttp import web

from liqalert.core.market import UnixTime
from liqalert.web.answers import iso_or_none, json_response


@dataclass(frozen=True, slots=True)
class Health:
    """How the process is doing, whatever the world outside does."""

    on_time: bool
    """The last tick ran when it was due, or the first is not due yet."""
    last_tick_at: UnixTime | None = None
    caught: tuple[tuple[str, int], ...] = ()
    """Exceptions nobody expected, by the place that caught them: `feed`, `delivery`, and `tick` with all other jobs."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Sentences for a person. They are shown without a token: no addresses and no secrets."""

    blocking: tuple[str, ...] = ()
    """Why liqalert cannot be relied on now: a feed not proven alive, a database that refuses."""
    notes: tuple[str, ...] = ()
    """What is missing although everything works, like a token with no allowed chat."""


class HealthAnswer(msgspec.Struct, frozen=True):
    ok: bool
    last_tick_at: str | None
    exceptions: dict[str, int]


class ReadyAnswer(msgspec.Struct, frozen=True):
    ready: bool
    reasons: tuple[str, ...]


class HealthPages:
    def __init__(self, health: Callable[[], Health], readiness: Callable[[], Readiness]) -> None:
        self._health = health
        self._readiness = readiness

    async def process(self, request: web.Request) -> web.Response:
        health = self._health()
        answer = HealthAnswer(health.on_time, iso_or_none(health.last_tick_at), dict(health.caught))
        return json_response(answer, 200 if health.on_time else 503)

    async def ready(self, request: web.Request) -> web.Response:
        readiness = self._readiness()
        ready = not readiness.blocking
        answer = ReadyAnswer(ready, (*readiness.blocking, *readiness.notes))
        return json_response(answer, 200 if ready else 503)
