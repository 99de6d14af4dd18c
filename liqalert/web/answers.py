"""What every answer has in common: JSON, ISO times, and an error that says what would have been right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from aiohttp import web

from liqalert.core.market import UnixTime

JSON = "application/json"
SHOWN_LENGTH = 40


class ErrorAnswer(msgspec.Struct, frozen=True):
    error: str
    allowed: tuple[str, ...]


class ApiError(Exception):
    """A request that cannot be answered: a sentence for a person, and what would have been right."""

    def __init__(
        self, status: int, error: str, *, allowed: Sequence[str] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.allowed = tuple(allowed)
        self.headers = headers


def json_response(
    answer: msgspec.Struct, status: int = 200, *, headers: Mapping[str, str] | None = None
) -> web.Response:
    """`answer` as JSON. A number that is not finite becomes null."""
    return web.Response(
        body=msgspec.json.encode(answer), status=status, content_type=JSON, charset="utf-8", headers=headers
    )


def error_response(error: ApiError) -> web.Response:
    return json_response(ErrorAnswer(error.error, error.allowed), error.status, headers=error.headers)


def iso(at: UnixTime) -> str:
    """Like 2026-11-23T14:05:00.250Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def iso_or_none(at: UnixTime | None) -> str | None:
    return None if at is None else iso(at)


def shown(text: str) -> str:
    """What a client sent, short enough and clean enough to repeat: half characters cannot be written as JSON."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return clean if len(clean) <= SHOWN_LENGTH else clean[: SHOWN_LENGTH - 1] + "…"
