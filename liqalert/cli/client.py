"""Asks the running daemon over HTTP, with nothing but the standard library."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING

from liqalert.cli.options import CommandFailed

if TYPE_CHECKING:
    from liqalert.settings import Settings

_TIMEOUT_S = 3.0
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class NotRunning(Exception):
    """Nobody listens where the daemon would."""


@dataclass(frozen=True, slots=True)
class DaemonClient:
    """The daemon that these settings describe, whether it runs or not."""

    address: str
    """Like `127.0.0.1:8787`."""
    token: str | None = field(default=None, repr=False)
    enabled: bool = True
    """Whether it would listen there if it ran."""

    @classmethod
    def of(cls, settings: Settings) -> DaemonClient:
        host = _EVERY_ADDRESS.get(settings.web.host, settings.web.host)
        token = settings.web.token.get_secret_value() if settings.web.token else None
        address = f"[{host}]:{settings.web.port}" if ":" in host else f"{host}:{settings.web.port}"
        return cls(address, token, settings.web.enabled)

    def get(self, path: str) -> bytes:
        """The answer to GET `path`. Raises NotRunning, or CommandFailed with what the daemon objects to."""
        return self._ask(urllib.request.Request(f"http://{self.address}{path}"))

    def post(self, path: str, body: bytes) -> bytes:
        """The answer to POST `path` with a JSON `body`. Raises as `get`."""
        headers = {"Content-Type": "application/json"}
        return self._ask(urllib.request.Request(f"http://{self.address}{path}", body, headers, method="POST"))

    def running(self) -> bool:
        """Whether a liqalert answers there, well or not. Another program on the same port does not count."""
        try:
            return b'"last_tick_at"' in self._exchange(urllib.request.Request(f"http://{self.address}/healthz"))
        except urllib.error.HTTPError as exc:
            with exc:
                return b'"last_tick_at"' in exc.read()
        except NotRunning:
            return False
        except CommandFailed:  # it hangs: rather ask once too often to stop it
            return True

    def _ask(self, request: urllib.request.Request) -> bytes:
        try:
            return self._exchange(request)
        except urllib.error.HTTPError as exc:
            with exc:
                raise CommandFailed(f"liqalert at {self.address} answers {exc.code}: {_objection(exc)}") from None

    def _exchange(self, request: urllib.request.Request) -> bytes:
        """Raises NotRunning, CommandFailed, or HTTPError for an answer that is no success."""
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        # No proxy from the environment: the daemon is on this machine or on this network.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as response:
                body: bytes = response.read()
                if notice := response.headers.get("X-Liqalert-Notice"):
                    print(_printable(notice), file=sys.stderr)
                return body
        except urllib.error.HTTPError:
            raise
        except TimeoutError as exc:
            raise self._hangs() from exc
        except urllib.error.URLError as exc:
            if isinstance(exc.reason, TimeoutError):
                raise self._hangs() from exc
            why = "" if self.enabled else " (web.enabled is false)"
            raise NotRunning(f"nothing answers on {self.address}{why}") from exc
        except (OSError, HTTPException) as exc:
            raise CommandFailed(f"what answers on {self.address} is not liqalert: look at web.port") from exc

    def _hangs(self) -> CommandFailed:
        return CommandFailed(f"{self.address} has not answered within {_TIMEOUT_S:g} s: is the machine overloaded?")


def _objection(error: urllib.error.HTTPError) -> str:
    """The sentence in `{"error": ...}`, else the status in words."""
    import msgspec

    try:
        answer = msgspec.json.decode(error.read())
    except (msgspec.DecodeError, OSError, HTTPException):
        answer = None
    objection = answer.get("error") if isinstance(answer, dict) else None
    if error.code == 401 and not objection:
        return "give its web.token, by the same settings that the daemon has"
    return _printable(str(objection or error.reason))


def _printable(text: str) -> str:
    """What answers may be another program: none commands the terminal."""
    from liqalert.render.numbers import one_line

    return one_line(text)
