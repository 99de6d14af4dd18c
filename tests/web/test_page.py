from __future__ import annotations

import re

from tests.web.rig import Client, Rig, mark, serving, snapshot


async def test_the_page_says_what_this_is_and_every_link_on_it_works(rig: Rig, client: Client) -> None:
    rig.board.snapshot = snapshot(marks=[mark()])

    async with client.session.get("/") as response:
        html = await response.text()
    links = re.findall(r'href="([^"]+)"', html)

    statuses = {}
    for link in links:
        async with client.session.get(link) as followed:
            statuses[link] = followed.status

    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Live clusters of realised liquidations" in html
    assert statuses == {
        "/api/v1/clusters": 200,
        "/api/v1/clusters/BTCUSDT": 200,
        "/api/v1/alerts": 200,
        "/api/v1/liquidations?symbol=BTCUSDT": 200,
        "/api/v1/feeds": 200,
        "/readyz": 200,
        "/healthz": 200,
        "/metrics": 200,
    }


async def test_the_page_runs_no_script(client: Client) -> None:
    async with client.session.get("/") as response:
        html = await response.text()

    assert "<script" not in html
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


async def test_a_banner_is_on_the_page_and_on_every_answer() -> None:
    rig = Rig()
    rig.board.banner = "Simulated market: <nothing> is real"

    async with serving(rig) as client, client.session.get("/") as page, client.session.get("/readyz") as answer:
        html = await page.text()

    assert "<strong>Simulated market: &lt;nothing&gt; is real</strong>" in html
    assert answer.headers["X-Liqalert-Notice"] == "Simulated market: <nothing> is real"
