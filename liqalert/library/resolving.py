"""Looks up network names in threads that hold up nothing, not even the end of the interpreter."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from threading import Thread
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

Addresses: TypeAlias = list[ResolveResult]


class DaemonResolver(AbstractResolver):
    """The usual way uses the loop's pool of threads, which an interpreter that ends waits for.

    With a name server that is silent that takes half a minute.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Addresses] = loop.create_future()

        def look_up() -> None:
            try:
                addresses, error = _look_up(host, port, family), None
            except OSError as exc:
                addresses, error = [], exc
            # The loop may have been closed meanwhile: then nobody waits for this any more.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, found, addresses, error)

        try:
            Thread(target=look_up, name=f"liqalert looks up {host}", daemon=True).start()
        except RuntimeError as exc:
            raise OSError("no thread can be started: the interpreter is ending") from exc
        # No timeout: connecting has one.
        return await found

    async def close(self) -> None:
        pass


def _look_up(host: str, port: int, family: socket.AddressFamily) -> Addresses:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return [
        ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=proto, flags=numeric)
        for kind, _, proto, _, address in found
    ]


def _settle(found: asyncio.Future[Addresses], addresses: Addresses, error: OSError | None) -> None:
    if found.done():
        return
    if error is None:
        found.set_result(addresses)
    else:
        found.set_exception(error)
