"""A process of its own that sends prepared frames as fast as the socket takes them, to whoever connects.

python -m tests.benchmarks.blast_server FRAMES: prints its port. One array of marks first, then FRAMES liquidations.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import Iterable

from aiohttp import web

from liqalert.clock import SystemClock
from tests.benchmarks.inputs import force_order_frames, mark_frame, prices

FIN_AND_TEXT = 0x81


def websocket_frames(payloads: Iterable[bytes]) -> bytes:
    """`payloads` as a server frames them: no mask, the length in 1, 3 or 9 bytes (RFC 6455, 5.2)."""
    return b"".join(_header(len(payload)) + payload for payload in payloads)


def _header(length: int) -> bytes:
    if length < 126:
        return struct.pack("!BB", FIN_AND_TEXT, length)
    if length < 2**16:
        return struct.pack("!BBH", FIN_AND_TEXT, 126, length)
    return struct.pack("!BBQ", FIN_AND_TEXT, 127, length)


async def serve(frames: int) -> None:
    now = SystemClock().now()
    blast = websocket_frames([mark_frame(prices(), now), *force_order_frames(frames, now)])

    async def socket(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        assert request.transport is not None
        # Past aiohttp's writer: what is measured is the other end.
        request.transport.write(blast)
        async for _ in answer:
            pass
        return answer

    app = web.Application()
    app.add_routes([web.get("/stream", socket)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    # Until the process that wants the frames ends this one.
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
