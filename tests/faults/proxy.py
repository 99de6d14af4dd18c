"""The line between the daemon and the exchange, and how lines break: a TCP proxy with faults for each connection."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress

CHUNK = 65_536
ENDED_S = 2.0


class Link:
    """One connection through the proxy: the daemon's end and the exchange's."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self._near = near
        self._far = far
        self._left: int | None = None
        """How many more bytes reach the daemon; None without a limit."""
        self.ended = False

    @property
    def dead(self) -> bool:
        """Half open: each end still believes in the other."""
        return self._left == 0

    def stall_after(self, count: int) -> None:
        """So many more bytes reach the daemon, and then nothing ever again, in either direction, not even an end."""
        self._left = count

    def reset(self) -> None:
        """RST in place of an end."""
        for writer in (self._near, self._far):
            line = writer.get_extra_info("socket")
            with suppress(OSError):
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def passed(self, content: bytes) -> bytes:
        """What reaches the daemon of what the exchange has sent."""
        if self._left is None:
            return content
        part, self._left = content[: self._left], max(0, self._left - len(content))
        return part

    def close(self) -> None:
        self.ended = True
        self._near.close()
        self._far.close()


class Proxy:
    """`start` it in front of `target_port`. With `tls`, it is what the daemon speaks TLS with."""

    def __init__(self, target_port: Callable[[], int], tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.tls = tls
        self.links: list[Link] = []
        """The open ones, oldest first."""
        self.holding = False
        """Whether new connections are half open from the beginning."""
        self._target_port = target_port
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens, on the port of an earlier life where there was one."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Nobody can connect any more, until the next `start`; open connections stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def restart(self, tls: ssl.SSLContext) -> None:
        """Speaks TLS with this certificate from now on; open connections stay."""
        await self.refuse()
        self.tls = tls
        await self.start()

    async def stop(self) -> None:
        await self.refuse()
        for link in list(self.links):
            link.reset()
        # What serves them is to end before the loop does.
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDED_S):
                while self.links:
                    await asyncio.sleep(0.01)

    async def _connected(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._target_port())
        except OSError:
            near.close()
            return
        link = Link(near, far)
        if self.holding:
            link.stall_after(0)
        self.links.append(link)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(near_reader, far, link, lambda content: b"" if link.dead else content))
                group.create_task(_pump(far_reader, near, link, link.passed))
        finally:
            link.close()
            self.links.remove(link)


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link, passed: Callable[[bytes], bytes]
) -> None:
    """Goes on reading on a dead line, so that the other end never notices by a full buffer."""
    with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
        while content := await reader.read(CHUNK):
            if part := passed(content):
                writer.write(part)
                await writer.drain()
    # On a dead line not even an end gets through.
    if not link.dead:
        link.close()
