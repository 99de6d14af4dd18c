from __future__ import annotations

import re

import pytest

from liqalert.web.access import Access
from liqalert.web.page import FILES
from tests.web.rig import Client, Rig, mark, serving, snapshot


async def test_every_link_on_the_page_works(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark()])

    async with client.session.get("/") as response:
        html = await response.text()
    statuses = {}
    for link in re.findall(r'(?:href|src)="(/[^"]*)"', html):
        async with client.session.get(link) as followed:
            statuses[link] = followed.status

    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert len(statuses) >= 8
    assert set(statuses.values()) == {200}


async def test_no_script_and_no_style_stands_in_the_page_itself(client: Client) -> None:
    async with client.session.get("/") as response:
        html = await response.text()

    policy = response.headers["Content-Security-Policy"]
    assert re.findall(r"<script(?![^>]* src=)", html) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=", html) == []
    assert "default-src 'none'; script-src 'self';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", FILES)
async def test_every_file_is_shipped_names_no_other_host_and_is_known_again(client: Client, name: str) -> None:
    async with client.session.get(f"/static/{name}") as response:
        text = await response.text()
    async with client.session.get(f"/static/{name}", headers={"If-None-Match": response.headers["ETag"]}) as again:
        assert (again.status, await again.text()) == (304, "")

    assert response.status == 200
    if name.endswith((".js", ".css")) and not name.startswith("lightweight"):
        assert re.findall(r"https?://", text) == []


@pytest.mark.parametrize(
    "path", ["/static/", "/static", "/static/../page.py", "/static/%2e%2e/page.py", "/static/x.js"]
)
async def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert (await client.get(path))[0] == 404


async def test_the_licence_and_the_makers_of_the_charts_are_named(client: Client) -> None:
    async with client.session.get("/") as response:
        html = await response.text()
    async with client.session.get("/static/lightweight-charts.LICENSE.txt") as licence:
        assert "Apache License" in await licence.text()

    assert "TradingView" in html
    assert "https://www.tradingview.com/" in html


async def test_a_banner_stands_at_the_top_as_text() -> None:
    rig = Rig()
    rig.board.banner = "SIMULATED <market>"

    async with serving(rig) as client, client.session.get("/") as response:
        html = await response.text()

    assert '<p class="banner" role="note">SIMULATED &lt;market&gt;</p>' in html


async def test_events_name_the_page_there_is_to_whoever_may_have_it(rig: Rig) -> None:
    rig.board.snapshot = snapshot(marks=[mark()])
    async with serving(rig, Access("127.0.0.1", "t-1")) as client:
        headers = {"Authorization": "Bearer t-1"}
        async with client.session.get("/", headers=headers) as response:
            html = await response.text()
        async with client.session.get("/api/v1/events?symbol=BTCUSDT", headers=headers) as events:
            page = events.headers["X-Liqalert-Page"]
        async with client.session.get("/api/v1/events?symbol=BTCUSDT") as refused:
            assert "X-Liqalert-Page" not in refused.headers

    assert f'<html lang="en" data-page="{page}">' in html
    assert re.fullmatch("[0-9a-f]{24}", page)


async def test_another_page_has_another_name() -> None:
    rig, names = Rig(), []
    for banner in (None, None, "SIMULATED"):
        rig.board.banner = banner
        async with serving(rig) as client, client.session.get("/") as response:
            names += re.findall('data-page="(.*?)"', await response.text())

    assert names[0] == names[1] != names[2]
