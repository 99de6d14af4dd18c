"""Who is answered: a token where one is set, and on loopback only those who asked for this very machine."""

from __future__ import annotations

import hmac
import ipaddress
import re
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from liqalert.web.answers import JSON, ApiError, shown

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Answered without a token: a watchdog has none, and neither page holds anything worth hiding."""

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:]+)(:[0-9]{1,5})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server listens and what a client must show."""

    host: str
    token: str | None = field(default=None, repr=False)

    @property
    def loopback(self) -> bool:
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def guards(access: Access) -> tuple[Middleware, ...]:
    """The checks that stand before every handler, outermost first."""
    guards: list[Middleware] = []
    if access.loopback:
        guards.append(_host_guard(access.host))
    if access.token is not None:
        guards.append(_token_guard(access.token))
    return (*guards, _content_type_guard)


def _host_guard(host: str) -> Middleware:
    """Against DNS rebinding: a foreign page may point its own name at 127.0.0.1, but the Host header tells."""
    names = {*LOOPBACK_NAMES, host.lower()}

    @web.middleware
    async def host_guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall("Host", [])
        named = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if named is None or named["name"].lower() not in names:
            asked = shown(", ".join(hosts)) or "no host"
            raise ApiError(
                403,
                f"This server answers on this machine only and was asked for {asked}; "
                "a proxy in front of it must set the header Host to localhost.",
                allowed=LOOPBACK_NAMES,
            )
        return await handler(request)

    return host_guard


def _token_guard(token: str) -> Middleware:
    expected = f"Bearer {token}".encode()

    @web.middleware
    async def token_guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        # aiohttp decodes headers with surrogateescape: the way back gives the very bytes that were sent.
        shown_token = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if request.path not in OPEN_PATHS and not hmac.compare_digest(shown_token, expected):
            raise ApiError(
                401,
                "The header Authorization must carry the token from web.token.",
                allowed=("Authorization: Bearer TOKEN",),
                headers={"WWW-Authenticate": "Bearer"},
            )
        return await handler(request)

    return token_guard


@web.middleware
async def _content_type_guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Against forged requests: a foreign page cannot send this type without asking first, and asking is refused."""
    if request.method == "POST" and request.content_type != JSON:
        raise ApiError(415, f"A POST needs the header Content-Type: {JSON}.", allowed=(JSON,))
    return await handler(request)
