"""A wire between browser and server that a test can cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Wire:
    """Carries connections to `upstream` until it is cut, and again once it is mended."""

    upstream: int
    port: int = 0
    cut_off: bool = False
    refused: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _hushed: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        self.cut_off = True
        for writer in self._open:
            writer.transport.abort()

    def hush(self) -> None:
        """What is open now carries nothing more, without a word, as when a phone changes its network."""
        self._hushed |= self._open

    def mend(self) -> None:
        self.cut_off = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut_off:
            self.refused += 1
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.upstream)
        self._open |= {writer, back}
        with suppress(ConnectionError):
            await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))
        self._open -= {writer, back}

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while some := await reader.read(65536):
            if writer not in self._hushed:
                writer.write(some)
                await writer.drain()
        if writer not in self._hushed:
            writer.close()


@asynccontextmanager
async def wire_to(upstream: int) -> AsyncIterator[Wire]:
    wire = Wire(upstream)
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        wire.cut()
        server.close()
