from __future__ import annotations

import pytest

from liqalert.web.access import Access
from tests.web.rig import Client, Rig, serving

TOKEN = "höhle-und-zahl-17"
OPEN = Access("127.0.0.1")
WITH_TOKEN = Access("127.0.0.1", TOKEN)
PROTECTED = ["/", "/api/v1/clusters", "/api/v1/alerts", "/api/v1/liquidations", "/api/v1/feeds", "/metrics", "/nowhere"]


async def test_on_loopback_without_a_token_everything_is_open(client: Client) -> None:
    status, _ = await client.get("/api/v1/clusters")

    assert status == 200


@pytest.mark.parametrize("path", PROTECTED)
async def test_with_a_token_nothing_is_served_without_it(path: str, rig: Rig) -> None:
    async with serving(rig, WITH_TOKEN) as client, client.session.get(path) as response:
        answer = await response.json()

    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert answer == {
        "error": "The header Authorization must carry the token from web.token.",
        "allowed": ["Authorization: Bearer TOKEN"],
    }


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_needs_no_token(path: str, rig: Rig) -> None:
    async with serving(rig, WITH_TOKEN) as client:
        status, _ = await client.get(path)

    assert status == 200


async def test_the_right_token_opens(rig: Rig) -> None:
    async with serving(rig, WITH_TOKEN) as client:
        status, _ = await client.get("/api/v1/clusters", headers={"Authorization": f"Bearer {TOKEN}"})

    assert status == 200


@pytest.mark.parametrize(
    "sent", ["Bearer", "Bearer ", "Bearer höhle-und-zahl-1", f"Bearer {TOKEN}7", f"Basic {TOKEN}", TOKEN, "Bearer ÿ"]
)
async def test_a_wrong_token_does_not(sent: str, rig: Rig) -> None:
    async with serving(rig, WITH_TOKEN) as client:
        status, answer = await client.get("/api/v1/clusters", headers={"Authorization": sent})

    assert status == 401
    assert TOKEN not in str(answer)


async def test_a_test_alert_needs_the_token_too(rig: Rig) -> None:
    async with serving(rig, WITH_TOKEN) as client:
        status, _ = await client.post("/api/v1/alerts/test", json={"chat": None})

    assert status == 401
    assert rig.tested_chats == []


def test_the_token_is_not_in_the_text_of_access() -> None:
    assert TOKEN not in repr(WITH_TOKEN)


@pytest.mark.parametrize("host", ["localhost", "localhost:8787", "LOCALHOST", "127.0.0.1:1", "[::1]", "[::1]:8787"])
async def test_loopback_answers_to_its_own_names(host: str, client: Client) -> None:
    status, _ = await client.get("/api/v1/clusters", headers={"Host": host})

    assert status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "evil@localhost", "localhost:x", "::1"],
)
@pytest.mark.parametrize("path", ["/api/v1/clusters", "/healthz", "/nowhere"])
async def test_loopback_refuses_a_name_that_was_pointed_at_it(host: str, path: str, client: Client) -> None:
    status, answer = await client.get(path, headers={"Host": host})

    assert status == 403
    assert answer["allowed"] == ["localhost", "127.0.0.1", "[::1]"]
    assert host in answer["error"]


async def test_beyond_loopback_any_host_name_is_fine_with_the_token(rig: Rig) -> None:
    async with serving(rig, Access("0.0.0.0", TOKEN)) as client:
        status, _ = await client.get(
            "/api/v1/clusters", headers={"Host": "box.example", "Authorization": f"Bearer {TOKEN}"}
        )

    assert status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_form_from_a_foreign_page_sends_nothing(content_type: str, rig: Rig, client: Client) -> None:
    status, answer = await client.post(
        "/api/v1/alerts/test", data=b'{"chat": null}', headers={"Content-Type": content_type}
    )

    assert (status, answer["allowed"]) == (415, ["application/json"])
    assert rig.tested_chats == []


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("box.example", False),
        ("", False),
    ],
)
def test_loopback_is_told_from_the_address(host: str, loopback: bool) -> None:
    assert Access(host).loopback is loopback
