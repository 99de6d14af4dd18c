"""The endpoints within the whole web side, behind its access rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from liqalert.web.access import Access
from liqalert.web.server import WebServer
from tests.web.coinglass.rig import Rig
from tests.web.rig import Rig as WebRig

TOKEN = "höhle-und-zahl-17"
OPEN, WITH_TOKEN = Access("127.0.0.1"), Access("127.0.0.1", TOKEN)
ORDER = "/api/futures/liquidation/order?exchange=Binance&symbol=BTC"


@asynccontextmanager
async def serving_all(rig: Rig | None, access: Access = OPEN) -> AsyncIterator[aiohttp.ClientSession]:
    """The server of the daemon; without `rig` it has no heatmaps."""
    sources = replace(WebRig().sources(), coinglass=rig.sources() if rig else None)
    server = WebServer(sources, access, port=0)
    await server.start()
    try:
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{server.port}", timeout=aiohttp.ClientTimeout(total=5)
        ) as session:
            yield session
    finally:
        await server.stop()


async def test_on_loopback_any_key_opens(rig: Rig) -> None:
    async with serving_all(rig) as session, session.get(ORDER, headers={"CG-API-KEY": "anything"}) as response:
        body = await response.json()

    assert (response.status, body["code"], len(body["data"])) == (200, "0", 6)
    assert response.headers["X-Liqalert-Basis"] == "realised"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_with_a_token_the_key_must_be_it(rig: Rig) -> None:
    async with serving_all(rig, WITH_TOKEN) as session:
        async with session.get(ORDER, headers={"CG-API-KEY": TOKEN}) as response:
            right = await response.json()
        async with session.get(ORDER, headers={"CG-API-KEY": "anything"}) as response:
            wrong = await response.json()

    assert right["code"] == "0"
    assert (response.status, wrong["code"]) == (200, "401")


async def test_who_tries_keys_is_held_back_like_everybody_else(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liqalert.web.access.BURST", 3.0)
    monkeypatch.setattr("liqalert.web.access.REQUESTS_A_SECOND", 0.001)
    codes = []
    async with serving_all(rig, Access("0.0.0.0", TOKEN)) as session:
        for number in range(4):
            async with session.get(ORDER, headers={"CG-API-KEY": f"guess {number}"}) as response:
                codes.append((await response.json())["code"])

    assert codes == ["401", "401", "401", "429"]


async def test_a_foreign_name_is_refused_in_its_form(rig: Rig) -> None:
    headers = {"CG-API-KEY": "anything", "Host": "evil.example"}
    async with serving_all(rig) as session, session.get(ORDER, headers=headers) as response:
        body = await response.json()

    assert (response.status, set(body), body["code"]) == (200, {"code", "msg"}, "403")


@pytest.mark.parametrize("path", ["/api/v1/clusters", "/healthz", "/metrics"])
async def test_other_pages_stay_as_they_are(path: str, rig: Rig) -> None:
    async with serving_all(rig) as session, session.get(path) as response:
        assert response.status == 200
        assert "X-Liqalert-Basis" not in response.headers


async def test_without_heatmaps_there_is_nothing_at_its_paths() -> None:
    async with serving_all(None) as session, session.get(ORDER, headers={"CG-API-KEY": "anything"}) as response:
        body = await response.json()

    assert (response.status, set(body)) == (404, {"error", "allowed"})
