"""A process of its own: aiohttp socket in, aiohttp POST out, nothing between.

python -m tests.benchmarks.bare_client WEBSOCKET_URL POST_URL CHAT_ID: posts the same message for each frame.
"""

from __future__ import annotations

import sys

import aiohttp

from tests.benchmarks.harness import run

TEXT = "BTCUSDT " * 50
"""About as long as an alert."""


async def pass_on(socket_url: str, post_url: str, chat_id: str) -> None:
    content = {"chat_id": chat_id, "text": TEXT}
    async with aiohttp.ClientSession() as session, session.ws_connect(socket_url, decode_text=False) as socket:
        async for _ in socket:
            async with session.post(post_url, json=content) as answer:
                await answer.read()


if __name__ == "__main__":
    run(pass_on(*sys.argv[1:]))
