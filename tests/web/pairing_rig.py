"""The pair endpoint alone, behind the guards that every endpoint has, on a free port of loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from liqalert.ports import Role
from liqalert.web.access import Access, guards
from liqalert.web.errors import errors_as_json
from liqalert.web.pairing import Offer, PairingPages
from tests.web.rig import NOW, Client


@dataclass
class Offers:
    """What the daemon does when it is asked for a code."""

    refusal: Exception | None = None
    link: str | None = "https://t.me/standin_bot?start=ABCDEFGHJK"
    roles: list[Role] = field(default_factory=list)

    async def offer(self, role: Role) -> Offer:
        if self.refusal:
            raise self.refusal
        self.roles.append(role)
        return Offer("ABCDEFGHJK", self.link, NOW + 600.0)


@asynccontextmanager
async def serving(offers: Offers, access: Access | None = None) -> AsyncIterator[Client]:
    app = web.Application(middlewares=(errors_as_json, *guards(access or Access("127.0.0.1"))))
    app.router.add_post("/api/v1/pair", PairingPages(offers.offer).pair)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            yield Client(session, port)
    finally:
        await runner.cleanup()
