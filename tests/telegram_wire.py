"""How the Bot API stand-in reads requests, answers them, and fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.multipart import BodyPartReader
from msgspec import Raw


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it arrived."""

    method: str
    params: Mapping[str, Any]
    files: Mapping[str, bytes]
    at: float
    """time.monotonic()"""

    @property
    def chat_id(self) -> int:
        return int(self.params["chat_id"])

    @property
    def text(self) -> str:
        return str(self.params.get("text", ""))


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request, in place of the usual answer."""

    kind: str
    status: int = 500
    description: str = ""
    parameters: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @staticmethod
    def refuse(status: int, description: str, **parameters: int) -> Fault:
        """An answer in Telegram's shape: `refuse(429, "Too Many Requests: retry after 3", retry_after=3)`."""
        return Fault("refuse", status, description, parameters)

    @staticmethod
    def drop() -> Fault:
        """The connection breaks before the request counts."""
        return Fault("drop")

    @staticmethod
    def drop_after_accepting() -> Fault:
        """The request counts, and the connection breaks before the answer."""
        return Fault("drop_after")

    @staticmethod
    def hang(seconds: float) -> Fault:
        """The request counts, and the answer comes late."""
        return Fault("hang", seconds=seconds)

    @staticmethod
    def bad_gateway() -> Fault:
        return Fault("html")

    @staticmethod
    def truncate() -> Fault:
        """The answer breaks off in the middle."""
        return Fault("truncate")


class ApiError(Exception):
    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters


def answer(body: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")


def refusal(status: int, description: str, **parameters: int) -> web.Response:
    body = {"ok": False, "error_code": status, "description": description}
    return answer({**body, "parameters": parameters} if parameters else body, status)


async def read(request: web.Request) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Parameters and uploads from the address, a form, a multipart form or a JSON body."""
    params: dict[str, Any] = dict(request.query)
    files: dict[str, bytes] = {}
    if request.content_type == "application/json":
        given = msgspec.json.decode(await request.read(), type=dict[str, Raw])
        params.update({name: _argument(value) for name, value in given.items()})
    elif request.content_type == "multipart/form-data":
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            if part.filename:
                files[part.name or ""] = bytes(await part.read())
            else:
                params[part.name or ""] = await part.text()
    elif request.can_read_body:
        params.update({name: str(value) for name, value in (await request.post()).items()})
    return params, files


def _argument(value: Raw) -> str:
    """As Telegram's server takes it: what is no string stays the JSON that it is."""
    text = bytes(value).decode()
    return msgspec.json.decode(value, type=str) if text.startswith('"') else text


async def fail(fault: Fault, request: web.Request) -> web.StreamResponse:
    if fault.kind == "refuse":
        return refusal(fault.status, fault.description, **fault.parameters)
    if fault.kind == "html":
        return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    if fault.kind == "truncate":
        await response.prepare(request)
        await response.write(b'{"ok":true,"res')
    assert request.transport is not None
    request.transport.abort()
    return response
