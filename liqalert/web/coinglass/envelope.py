"""How Coinglass answers: always with a code in the body, and with HTTP 200 even where that code is an error."""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from liqalert.clock import Clock
from liqalert.core.market import UnixTime
from liqalert.ports import StorageError
from liqalert.web.answers import JSON, ApiError, json_response, shown

PREFIX = "/api/futures/"
KEY_HEADER = "CG-API-KEY"
ALLOWANCE = 1200
"""Requests a minute, of all clients together: what the plan allows that sells the heatmap."""
CODES = {503: "500"}
"""What their documentation knows by another number."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    code: str = "0"
    msg: str = "success"
    data: object


class Refusal(msgspec.Struct, frozen=True):
    code: str
    msg: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that may be sent to many."""

    body: bytes
    watched: float
    """The share, 0 to 1, of the time asked about in which the feeds were watched."""

    def response(self) -> web.Response:
        # Rounded down: what is not whole must not look whole.
        headers = {"X-Liqalert-Watched": f"{math.floor(self.watched * 10_000.0) / 10_000.0:.4f}"}
        return web.Response(body=self.body, content_type=JSON, charset="utf-8", headers=headers)


class Allowance:
    """Counts requests by the minute of the clock."""

    def __init__(self, per_minute: int = ALLOWANCE) -> None:
        self.per_minute = per_minute
        self.used = 0
        self._minute = -1.0

    def use(self, now: UnixTime) -> None:
        """Raises ApiError 429 once they are used up; the next minute brings new ones."""
        if now // 60.0 != self._minute:
            self._minute, self.used = now // 60.0, 0
        if self.used >= self.per_minute:
            raise ApiError(429, f"The {self.per_minute} requests of this minute are used up.")
        self.used += 1


def speaking_coinglass(
    clock: Clock, token: str | None, *, per_minute: int = ALLOWANCE
) -> tuple[Middleware, Middleware]:
    """The form and the door. The form puts every error of the endpoints, and of what stands within, in its form.

    The door asks for the key and counts the allowance. With a `token` the key must be that one; without, any will do,
    so that clients need no change: it is asked for because the original would. What holds back who asks too often
    belongs between them: else keys could be tried without end.
    """
    allowance = Allowance(per_minute)

    @web.middleware
    async def form(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_theirs(request):
            return await handler(request)
        try:
            response = await handler(request)
        except web.HTTPNotFound:
            refusal = Refusal("404", f"There is nothing at {shown(request.path)}.")
            response = json_response(refusal, 404)
        except web.HTTPException as error:
            response = _refused(ApiError(error.status, f"{error.reason}."))
        except ApiError as error:
            response = _refused(error)
        except StorageError as error:
            response = _refused(ApiError(503, str(error)))
        response.headers["X-Liqalert-Basis"] = "realised"
        response.headers["API-KEY-MAX-LIMIT"] = str(allowance.per_minute)
        response.headers["API-KEY-USE-LIMIT"] = str(allowance.used)
        return response

    @web.middleware
    async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_theirs(request):
            _check_key(request, token)
            allowance.use(clock.now())
        return await handler(request)

    return form, door


def success(data: object, watched: float) -> Answer:
    """`data`, which msgspec can write, in its envelope."""
    return Answer(msgspec.json.encode(Envelope(data=data)), watched)


def _is_theirs(request: web.Request) -> bool:
    # Their own examples write the path with two slashes.
    return f"/{request.path.lstrip('/')}".startswith(PREFIX)


def _check_key(request: web.Request, token: str | None) -> None:
    # aiohttp decodes headers with surrogateescape: the way back gives the very bytes that were sent.
    key = request.headers.get(KEY_HEADER, "").encode("utf-8", "surrogateescape")
    if not key:
        any_will_do = "; any text will do, because web.token is not set" if token is None else ", which is web.token"
        raise ApiError(401, f"API key missing: send the header {KEY_HEADER}{any_will_do}.")
    if token is not None and not hmac.compare_digest(key, token.encode()):
        raise ApiError(401, f"The header {KEY_HEADER} must carry the token from web.token.")


def _refused(error: ApiError) -> web.Response:
    code = CODES.get(error.status, str(error.status))
    allowed = f" Allowed: {', '.join(error.allowed)}." if error.allowed else ""
    return json_response(Refusal(code, error.error + allowed))
