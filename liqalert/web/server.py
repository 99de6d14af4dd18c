"""The listening socket. Without it the daemon goes on, and says why there is no web side."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
from collections.abc import Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from liqalert.web.access import Access
from liqalert.web.application import WebSources, build_app

IDLE_S = 30.0
SHUTDOWN_S = 2.0
MOST_CONNECTIONS = 512
"""Half of the files that a process may usually open: strangers must leave enough for the exchange and for Telegram."""


class WebUnavailable(Exception):
    """The web side cannot listen. The text names the setting and the remedy."""


class WebServer:
    """Serves `sources` at `access.host` and `port`; port 0 takes a free one.

    A connection that stays idle for `idle_s`, does not finish the headers of a request by then, or takes nothing of an
    answer for so long, is closed. Those beyond `most` are closed at once.
    """

    def __init__(
        self, sources: WebSources, access: Access, *, port: int, idle_s: float = IDLE_S, most: int = MOST_CONNECTIONS
    ) -> None:
        self._sources = sources
        self._access = access
        self._wanted_port = port
        self._idle_s = idle_s
        self._most = most
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on; the wanted one before `start`."""
        if self._listener is None:
            return self._wanted_port
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Raises WebUnavailable."""
        if not self._access.loopback and self._access.token is None:
            raise WebUnavailable(
                f"web.host is {self._access.host}, which others can reach, and web.token is not set: "
                "set a token, or set web.host to 127.0.0.1."
            )
        runner = web.AppRunner(
            build_app(self._sources, self._access),
            access_log=None,
            logger=_requests_log(),
            keepalive_timeout=self._idle_s,
            shutdown_timeout=SHUTDOWN_S,
        )
        await runner.setup()
        try:
            self._listener = await asyncio.get_running_loop().create_server(
                self._bounded(runner), self._access.host, self._wanted_port
            )
        except OSError as exc:
            await runner.cleanup()
            raise WebUnavailable(_explained(exc, host=self._access.host, port=self._wanted_port)) from exc
        if sys.platform == "linux":
            for listening in self._listener.sockets:
                # The connections inherit it. Nobody else would end one whose client has stopped reading.
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._idle_s * 1000.0))
        self._runner = runner

    async def stop(self) -> None:
        """Stops listening; answers under way get 2 s. Does nothing where it never started."""
        runner, self._runner = self._runner, None
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        if runner is not None:
            await runner.cleanup()

    def _bounded(self, runner: web.AppRunner) -> Callable[[], asyncio.BaseProtocol]:
        """Makes what speaks HTTP with one connection, as long as they are not too many."""
        server = runner.server
        assert server is not None

        def protocol() -> asyncio.BaseProtocol:
            return server() if len(server.connections) < self._most else _Refusal()

        return protocol


class _Refusal(asyncio.Protocol):
    """Closes a connection before anything is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _requests_log() -> logging.Logger:
    """For what goes wrong while answering; what is no request of HTTP at all is answered with 400 and not logged."""
    log = logging.getLogger("liqalert.web.requests")
    log.addFilter(_is_our_matter)
    return log


def _is_our_matter(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _explained(error: OSError, *, host: str, port: int) -> str:
    # Since Python 3.13, asyncio tells of an address that is not ours without its number.
    if isinstance(error, socket.gaierror) or error.errno in (None, errno.EADDRNOTAVAIL):
        return (
            f"web.host is {host}, which is no address of this machine: "
            "set web.host to 127.0.0.1. liqalert goes on without web."
        )
    if error.errno == errno.EADDRINUSE:
        return (
            f"web.port is {port}, and another program already listens on {host}:{port}: "
            "stop it, or set web.port to a free port. liqalert goes on without web."
        )
    if error.errno == errno.EACCES:
        return f"web.port is {port}, which needs root: set web.port to 1024 or more. liqalert goes on without web."
    return f"web cannot listen on {host}:{port} ({error}): set web.host and web.port. liqalert goes on without web."
