"""Errors are JSON, whoever raised them, and headers that hold a browser back are on every answer."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from liqalert.ports import StorageError
from liqalert.web.answers import JSON, ApiError, ErrorAnswer, error_response, shown
from liqalert.web.events import PATH as EVENTS

ANSWER_WITHIN_S = 15.0
ENDLESS = frozenset({EVENTS})
"""Streams, which look after their own time."""
OWN = ("Cache-Control", "Content-Security-Policy")
"""Headers that a page may set otherwise."""
MISTAKE = ErrorAnswer("liqalert made a mistake while answering: its log has the details.", ())

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "liqalert",
}


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns the errors we know into answers. What we do not know is a bug: aiohttp logs it and answers 500."""
    try:
        async with asyncio.timeout(None if request.path in ENDLESS else ANSWER_WITHIN_S):
            return await handler(request)
    except ApiError as error:
        return error_response(error)
    except StorageError as error:
        return error_response(ApiError(503, str(error)))
    except TimeoutError:
        return error_response(ApiError(503, f"No answer within {ANSWER_WITHIN_S:g} s. Try again."))
    except web.HTTPException as error:
        return error_response(_explained(request, error))


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Just before the headers leave: ours are added, and aiohttp's own 500 and 417 become JSON like all errors."""
    if response.status >= 400 and response.content_type != JSON and isinstance(response, web.Response):
        body = msgspec.json.encode(MISTAKE if response.status == 500 else ErrorAnswer(f"{response.reason}.", ()))
        response.body = body
        response.headers["Content-Type"] = JSON
        response.headers["Content-Length"] = str(len(body))
    for name, value in SECURITY_HEADERS.items():
        if name not in OWN or name not in response.headers:
            response.headers[name] = value


def _explained(request: web.Request, error: web.HTTPException) -> ApiError:
    match error:
        case web.HTTPNotFound():
            return ApiError(404, f"There is nothing at {shown(request.path)}.", allowed=_paths(request.app))
        case web.HTTPMethodNotAllowed():
            methods = sorted(error.allowed_methods)
            message = f"{shown(request.method)} is not possible at {shown(request.path)}."
            return ApiError(405, message, allowed=methods, headers={"Allow": ", ".join(methods)})
        case web.HTTPRequestEntityTooLarge():
            return ApiError(413, "The request is larger than 64 KiB.")
        case _:
            return ApiError(error.status, f"{error.reason}.")


def _paths(app: web.Application) -> list[str]:
    return sorted({resource.canonical for resource in app.router.resources()})
