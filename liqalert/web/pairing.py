"""/api/v1/pair: a one-time code, with which another chat enrols itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec
from aiohttp import web

from liqalert.core.market import UnixTime
from liqalert.ports import Role
from liqalert.web.answers import ApiError, iso, json_response
from liqalert.web.queries import asked, body_asked, choice_asked


@dataclass(frozen=True, slots=True)
class Offer:
    """A code that enrols one chat, once. Whoever reads it may use it: it stands in no log."""

    code: str = field(repr=False)
    link: str | None = field(repr=False)
    """Opens the bot and sends it the code; None while the bot's name is not known."""
    expires_at: UnixTime


class CannotPair(Exception):
    """There is no bot to enrol with; the text says what to do."""


OfferCode: TypeAlias = Callable[[Role], Awaitable[Offer]]
"""Raises CannotPair, StorageError."""


class PairRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: str = Role.USER
    """`owner`, `user` or `reader`."""


class PairAnswer(msgspec.Struct, frozen=True):
    code: str
    link: str | None
    expires_at: str


class PairingPages:
    def __init__(self, offer: OfferCode) -> None:
        self._offer = offer

    async def pair(self, request: web.Request) -> web.Response:
        asked(request)
        wanted = await body_asked(request, PairRequest)
        choice_asked("role", wanted.role, allowed=tuple(Role))
        try:
            offer = await self._offer(Role(wanted.role))
        except CannotPair as exc:
            raise ApiError(409, str(exc)) from exc
        return json_response(PairAnswer(offer.code, offer.link, iso(offer.expires_at)))
