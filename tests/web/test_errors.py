from __future__ import annotations

import asyncio

import pytest

from tests.web.rig import Client, Rig


async def test_an_unknown_path_is_answered_with_the_known_ones(client: Client) -> None:
    status, answer = await client.get("/api/v2/clusters")

    assert status == 404
    assert answer["error"] == "There is nothing at /api/v2/clusters."
    assert "/api/v1/clusters/{symbol}" in answer["allowed"]


async def test_a_method_that_is_not_possible_is_answered_with_those_that_are(client: Client) -> None:
    async with client.session.delete("/api/v1/clusters") as response:
        answer = await response.json()

    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert answer == {"error": "DELETE is not possible at /api/v1/clusters.", "allowed": ["GET", "HEAD"]}


async def test_a_request_larger_than_64_kib_is_refused(rig: Rig, client: Client) -> None:
    body = b'{"chat": "' + b"7" * 65_536 + b'"}'

    answer = await client.post("/api/v1/alerts/test", data=body, headers={"Content-Type": "application/json"})

    assert answer == (413, {"error": "The request is larger than 64 KiB.", "allowed": []})
    assert rig.tested_chats == []


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
async def test_a_bug_is_a_500_without_a_trace_of_where(accept: str, rig: Rig, client: Client) -> None:
    rig.alerts.broken = RuntimeError("secret detail")

    async with client.session.get("/api/v1/alerts", headers={"Accept": accept}) as response:
        answer = await response.json()

    assert response.status == 500
    assert answer == {"error": "liqalert made a mistake while answering: its log has the details.", "allowed": []}
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_expectation_that_cannot_be_met_is_told_in_json(client: Client) -> None:
    async with client.session.get("/api/v1/feeds", headers={"Expect": "a miracle"}) as response:
        answer = await response.json()

    assert response.status == 417
    assert answer == {"error": "Expectation Failed.", "allowed": []}
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_bug_is_logged_with_its_traceback(rig: Rig, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    rig.alerts.broken = RuntimeError("secret detail")

    await client.get("/api/v1/alerts")

    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [rig.alerts.broken]


async def test_a_reader_that_hangs_is_cut_off(rig: Rig, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liqalert.web.errors.ANSWER_WITHIN_S", 0.05)

    async def hang(alert_id: str) -> None:
        await asyncio.Event().wait()

    rig.alerts.why = hang  # type: ignore[method-assign]

    answer = await client.get("/api/v1/alerts/a-1")

    assert answer == (503, {"error": "No answer within 0.05 s. Try again.", "allowed": []})


@pytest.mark.parametrize(
    ("path", "status"), [("/api/v1/clusters", 200), ("/nowhere", 404), ("/metrics", 200), ("/readyz", 200)]
)
async def test_every_answer_carries_the_headers_that_hold_a_browser_back(
    path: str, status: int, client: Client
) -> None:
    async with client.session.get(path) as response:
        headers = response.headers

    assert response.status == status
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert headers["Server"] == "liqalert"


async def test_json_says_that_it_is_json(client: Client) -> None:
    async with client.session.get("/api/v1/feeds") as response:
        content_type = response.headers["Content-Type"]

    assert content_type == "application/json; charset=utf-8"


async def test_head_gives_the_headers_only(client: Client) -> None:
    async with client.session.head("/api/v1/feeds") as response:
        body = await response.read()

    assert (response.status, body) == (200, b"")
