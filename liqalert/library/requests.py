"""One question over HTTP, with what the standard library has: a script need not be asynchronous."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from liqalert.library.errors import DataSourceError

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.response import addinfourl

MAX_ANSWER_BYTES = 32_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str]
    """By name in small letters."""


def get(url: str, headers: Mapping[str, str], *, timeout_s: float) -> Reply:
    """The answer, whatever its status. Raises DataSourceError, which names no header and no query."""
    import http.client
    import urllib.error
    import urllib.request

    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in ("http", "https"):
        raise DataSourceError(f"{place} is no address: give one like http://127.0.0.1:8787")
    request = urllib.request.Request(url, headers=dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return _reply(answer.status, answer)
    except urllib.error.HTTPError as exc:
        with exc:
            return _reply(exc.code, exc)
    except (OSError, http.client.HTTPException) as exc:
        reason = getattr(exc, "reason", None) or exc
        raise DataSourceError(f"{place} does not answer ({reason}): is it running, and is the address right?") from None


def _reply(status: int, answer: addinfourl | HTTPResponse) -> Reply:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(status, answer.read(MAX_ANSWER_BYTES), headers)
