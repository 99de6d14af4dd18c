"""Who is answered: a token where one is set, and on loopback only those who asked for this very machine."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from time import monotonic

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from liqalert.web.answers import JSON, ApiError, shown
from liqalert.web.page import POLICY

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Answered without a token: a watchdog has none, and neither page holds anything worth hiding."""

COOKIE = "liqalert"
COOKIE_LIVES_S = 30 * 86_400
REQUESTS_A_SECOND = 30.0
BURST = 300.0
"""Of one client, where others than this machine are served."""
MOST_COUNTED = 10_000

# Goes on to the page without the token in the address, which browsers remember. No redirect: after a link on another
# site's page a browser would hold the strict cookie back.
OPENED = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>liqalert</title><script src="/static/opened.js"></script>
<noscript><meta http-equiv="refresh" content="0; url=/"></noscript><a href="/">liqalert</a></html>
"""

FOREIGN = frozenset({"cross-site", "same-site"})
"""What browsers say of a page that was not loaded from here: another port of this machine is the same site."""
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
    """The checks that stand before every handler, outermost first: that one needs no token, and limits all others."""
    guards: list[Middleware] = []
    if access.loopback:
        guards.append(_host_guard(access.host))
    else:
        guards.append(_rate_guard())
    guards.append(_site_guard)
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


@web.middleware
async def _site_guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Against work without end: a foreign page is not given the answers, but may ask. Links to here are followed."""
    foreign = request.headers.get("Sec-Fetch-Site", "") in FOREIGN
    # A frame is no document of its own.
    if foreign and request.headers.get("Sec-Fetch-Dest") != "document":
        raise ApiError(403, "A page of another site has asked for this: open it in a tab of its own.")
    return await handler(request)


def _token_guard(token: str) -> Middleware:
    expected = {"Authorization": f"Bearer {token}".encode(), "CG-API-KEY": token.encode()}
    # Not the token itself: a cookie ends up in a browser's files.
    cookie = hmac.new(token.encode(), b"liqalert cookie", "sha256").hexdigest()

    def shows_token(request: web.Request) -> bool:
        # aiohttp decodes headers with surrogateescape: the way back gives the very bytes that were sent.
        sent = {name: request.headers.get(name, "").encode("utf-8", "surrogateescape") for name in expected}
        known = [hmac.compare_digest(sent[name], expected[name]) for name in expected]
        return any((*known, shows_cookie(request)))

    def shows_cookie(request: web.Request) -> bool:
        given = request.cookies.get(COOKIE, "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, cookie.encode())

    def give_cookie(request: web.Request, answer: web.StreamResponse) -> None:
        # A proxy with TLS says so; whoever claims it falsely holds back his own cookie.
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        answer.set_cookie(COOKIE, cookie, max_age=COOKIE_LIVES_S, httponly=True, samesite="Strict", secure=secure)

    def brings_token(request: web.Request) -> bool:
        """The link that a person opens once, /?token=TOKEN."""
        given = request.query.get("token", "").encode("utf-8", "surrogateescape")
        # In a query + means a blank, but a link holds the token as it was written.
        known = [hmac.compare_digest(each, token.encode()) for each in (given, given.replace(b" ", b"+"))]
        return request.method == "GET" and request.path == "/" and any(known)

    @web.middleware
    async def token_guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if brings_token(request):
            answer = web.Response(text=OPENED, content_type="text/html", headers={"Content-Security-Policy": POLICY})
            give_cookie(request, answer)
            return answer
        if request.path not in OPEN_PATHS and not shows_token(request):
            raise ApiError(
                401,
                "The header Authorization must carry the token from web.token.",
                allowed=("Authorization: Bearer TOKEN", "CG-API-KEY: TOKEN", "/?token=TOKEN in a browser"),
                headers={"WWW-Authenticate": "Bearer"},
            )
        response = await handler(request)
        # A month from its last use, and not in what a cache on the way may keep.
        if request.path.startswith("/api/v1/") and shows_cookie(request) and not response.prepared:
            give_cookie(request, response)
        return response

    return token_guard


def _rate_guard() -> Middleware:
    """A bucket for each client. The clients are bounded: whoever has not asked for longest is forgotten."""
    buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @web.middleware
    async def rate_guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        client, now = client_of(request.remote or ""), monotonic()
        level, at = buckets.pop(client, (BURST, now))
        level = min(BURST, level + (now - at) * REQUESTS_A_SECOND)
        buckets[client] = (max(0.0, level - 1.0), now)
        if len(buckets) > MOST_COUNTED:
            buckets.popitem(last=False)
        if level < 1.0:
            limit = f"{REQUESTS_A_SECOND:g} requests a second"
            raise ApiError(429, "Too many requests.", allowed=(limit,), headers={"Retry-After": "1"})
        return await handler(request)

    return rate_guard


def client_of(address: str) -> str:
    """An address; of IPv6 its network, of whose addresses one client has as many as it likes."""
    if ":" not in address:
        return address
    host = ipaddress.IPv6Address(address)
    if host.ipv4_mapped is not None:
        return str(host.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(host), 64), strict=False))


@web.middleware
async def _content_type_guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Against forged requests: a foreign page cannot send this type without asking first, and asking is refused."""
    # What is not there, or not to be posted to, is told so instead.
    found = request.match_info.http_exception is None
    if found and request.method == "POST" and request.content_type != JSON:
        raise ApiError(415, f"A POST needs the header Content-Type: {JSON}.", allowed=(JSON,))
    return await handler(request)
