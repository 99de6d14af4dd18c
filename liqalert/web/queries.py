"""What a request asks for. Anything not understood is refused with what would have been right, never ignored."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from aiohttp import web

from liqalert.web.answers import ApiError, shown

READ_WITHIN_S = 5.0

Body = TypeVar("Body", bound=msgspec.Struct)


def asked(request: web.Request, *names: str) -> dict[str, str]:
    """The query as a plain mapping; each of `names` at most once and nothing else."""
    for name in request.query:
        if name not in names:
            error = f"The query has {shown(name)!r}, which means nothing here."
            raise ApiError(400, error, allowed=names)
        if len(request.query.getall(name)) > 1:
            raise ApiError(400, f"The query has {name} more than once.", allowed=names)
    return dict(request.query)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many rows a list has."""

    default: int
    most: int


def limit_asked(text: str | None, limit: Limit) -> int:
    if text is None:
        return limit.default
    # Length first: int() takes long over thousands of digits.
    if len(text) > 6 or not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= limit.most:
        raise ApiError(400, f"limit is {shown(text)!r}: give a whole number.", allowed=(f"1 to {limit.most}",))
    return int(text)


def choice_asked(name: str, text: str | None, *, allowed: Collection[str]) -> str | None:
    if text is not None and text not in allowed:
        raise ApiError(400, f"{name} is {shown(text)!r}.", allowed=tuple(allowed))
    return text


async def body_asked(request: web.Request, shape: type[Body]) -> Body:
    """The JSON body as a `shape`."""
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            body = await request.read()
    except TimeoutError as exc:
        raise ApiError(408, f"The body did not arrive within {READ_WITHIN_S:g} s.") from exc
    except (web.RequestPayloadError, ConnectionError) as exc:
        raise ApiError(400, "The body did not arrive whole, or is not encoded as it says.") from exc
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ApiError(400, f"The body cannot be used: {exc}.", allowed=shape.__struct_fields__) from exc
