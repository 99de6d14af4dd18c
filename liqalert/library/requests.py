"""One question over HTTP, with what the standard library has: a script need not be asynchronous."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from liqalert.library.errors import DataSourceError

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.request import OpenerDirector, Request
    from urllib.response import addinfourl

MAX_ANSWER_BYTES = 32_000_000
THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str]
    """By name in small letters."""


def get(url: str, headers: Mapping[str, str], *, timeout_s: float) -> Reply:
    """The answer, whatever its status. Raises DataSourceError, which names no header and no query."""
    import http.client
    from urllib.request import ProxyHandler, Request, build_opener

    place, host = _place(url)
    # Whoever has set a proxy for the exchange means no machine of his own by it, and it need not see a token.
    opener = build_opener(*([ProxyHandler({})] if host in THIS_MACHINE else []))
    try:
        return _asked(opener, Request(url, headers=dict(headers)), timeout_s)
    except (OSError, http.client.HTTPException) as exc:
        reason = getattr(exc, "reason", None) or exc
        raise DataSourceError(f"{place} does not answer ({reason}): is it running, and is the address right?") from None
    except ValueError:
        raise DataSourceError(f"{place} cannot be asked: it, the key or the token is nothing HTTP can carry") from None


def _place(url: str) -> tuple[str, str | None]:
    """What to call it, and the host."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.netloc:
            return f"{parts.scheme}://{parts.netloc}", parts.hostname
    raise DataSourceError(f"{url.partition('?')[0]!r} is no address: give one like http://127.0.0.1:8787")


def _asked(opener: OpenerDirector, request: Request, timeout_s: float) -> Reply:
    import urllib.error

    try:
        with opener.open(request, timeout=timeout_s) as answer:
            return _reply(answer.status, answer)
    except urllib.error.HTTPError as exc:
        with exc:
            return _reply(exc.code, exc)


def _reply(status: int, answer: addinfourl | HTTPResponse) -> Reply:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(status, answer.read(MAX_ANSWER_BYTES), headers)
