"""A test alert, asked for over HTTP."""

from __future__ import annotations

import pytest

from tests.web.rig import Client, Rig


@pytest.mark.parametrize("chat", [None, "-100200"])
async def test_a_test_alert_is_sent_and_its_id_given(chat: str | None, rig: Rig, client: Client) -> None:
    answer = await client.post("/api/v1/alerts/test", json={"chat": chat})

    assert answer == (200, {"id": "t-1"})
    assert rig.tested_chats == [chat]


async def test_a_test_to_a_chat_that_is_not_allowed_is_404(client: Client) -> None:
    answer = await client.post("/api/v1/alerts/test", json={"chat": "404"})

    assert answer == (404, {"error": "404 is not in telegram.allowed_chats.", "allowed": ["7"]})


async def test_a_test_that_cannot_be_recorded_is_503(client: Client) -> None:
    answer = await client.post("/api/v1/alerts/test", json={"chat": "503"})

    assert answer == (503, {"error": "record test: database locked", "allowed": []})


DEEP = b'{"more": ' + b"[" * 50_000


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"chat": 7}', b'{"chad": "7"}', b'"\xff"', b"[" * 9000, DEEP]
)
async def test_a_body_that_makes_no_sense_is_refused_and_nothing_is_sent(body: bytes, rig: Rig, client: Client) -> None:
    status, answer = await client.post(
        "/api/v1/alerts/test", data=body, headers={"Content-Type": "application/json; charset=utf-8"}
    )

    assert status == 400
    assert answer["error"].startswith("The body cannot be used: ")
    assert answer["allowed"] == ["chat"]
    assert rig.tested_chats == []
