from __future__ import annotations

import aiohttp
import pytest
from yarl import URL

from liqalert.web import access as under_test
from liqalert.web.access import Access, client_of
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
        "allowed": ["Authorization: Bearer TOKEN", "CG-API-KEY: TOKEN", "/?token=TOKEN in a browser"],
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


async def test_the_token_as_a_key_opens(rig: Rig) -> None:
    async with serving(rig, WITH_TOKEN) as client:
        status, _ = await client.get("/api/v1/clusters", headers={"CG-API-KEY": TOKEN})

    assert status == 200


@pytest.mark.parametrize("key", ["", "anything", f"{TOKEN}7", f"Bearer {TOKEN}", "ÿ"])
async def test_another_key_does_not(key: str, rig: Rig) -> None:
    async with serving(rig, WITH_TOKEN) as client:
        status, _ = await client.get("/api/v1/clusters", headers={"CG-API-KEY": key})

    assert status == 401


@pytest.mark.parametrize(
    "sent", ["Bearer", "Bearer ", "Bearer höhle-und-zahl-1", f"Bearer {TOKEN}7", f"Basic {TOKEN}", TOKEN, "Bearer ÿ"]
)
async def test_a_wrong_token_does_not(sent: str, rig: Rig) -> None:
    async with serving(rig, WITH_TOKEN) as client:
        status, answer = await client.get("/api/v1/clusters", headers={"Authorization": sent})

    assert status == 401
    assert TOKEN not in str(answer)


async def test_a_link_opened_once_gives_a_cookie_that_opens_the_page(rig: Rig) -> None:
    async with serving(rig, WITH_TOKEN) as client:
        opened = await client.session.get("/", params={"token": TOKEN})
        cookie = opened.headers["Set-Cookie"]
        name, _, value = cookie.partition(";")[0].partition("=")
        page = await client.session.get("/", headers={"Cookie": f"{name}={value}"})

        text = await opened.text()

    assert (opened.status, opened.content_type, page.status) == (200, "text/html", 200)
    assert TOKEN not in text
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie


@pytest.mark.parametrize(("headers", "secure"), [({}, False), ({"X-Forwarded-Proto": "https"}, True)])
async def test_the_cookie_keeps_to_tls_where_the_link_was_opened_so(
    rig: Rig, headers: dict[str, str], secure: bool
) -> None:
    """Behind a proxy with TLS: else a browser would send it in the clear to whoever answers without."""
    async with serving(rig, WITH_TOKEN) as client:
        opened = await client.session.get("/", params={"token": TOKEN}, headers=headers)

    assert ("; Secure" in opened.headers["Set-Cookie"]) is secure


async def test_the_cookie_lives_a_month_from_its_last_use(rig: Rig) -> None:
    """A page that is always open asks every few seconds, and would be locked out a month after its link was opened."""
    async with serving(rig, WITH_TOKEN) as client:
        opened = await client.session.get("/", params={"token": TOKEN})
        cookie = {"Cookie": opened.headers["Set-Cookie"].partition(";")[0]}

        used = await client.session.get("/api/v1/feeds", headers=cookie)
        with_header = await client.session.get("/api/v1/feeds", headers={"Authorization": f"Bearer {TOKEN}"})
        kept_by_caches = await client.session.get("/static/app.js", headers=cookie)
        refused = await client.session.get("/api/v1/feeds", headers={"Cookie": "liqalert=other"})

    assert used.headers["Set-Cookie"] == opened.headers["Set-Cookie"]
    assert "Max-Age=2592000" in used.headers["Set-Cookie"]
    assert (kept_by_caches.status, refused.status) == (200, 401)
    assert not any("Set-Cookie" in answer.headers for answer in (with_header, kept_by_caches, refused))


@pytest.mark.parametrize("link", ["a+b/c+d=", "a%2Bb%2Fc%2Bd%3D"])
async def test_a_token_with_plus_signs_opens_as_it_is_written_and_encoded(rig: Rig, link: str) -> None:
    async with serving(rig, Access("0.0.0.0", "a+b/c+d=")) as client:
        url = URL(f"http://127.0.0.1:{client.port}/?token={link}", encoded=True)
        async with client.session.get(url) as response:
            opened = response.status, "liqalert" in response.cookies

    assert opened == (200, True)


@pytest.mark.parametrize(
    ("path", "cookie"), [("/?token=wrong", ""), (f"/api/v1/feeds?token={TOKEN}", ""), ("/", TOKEN)]
)
async def test_no_other_link_or_cookie_does(rig: Rig, path: str, cookie: str) -> None:
    async with serving(rig, WITH_TOKEN) as client:
        status, _ = await client.get(path, headers={"Cookie": f"liqalert={cookie}"})

    assert status == 401


async def test_who_asks_too_often_is_told_to_wait_and_nobody_else_is(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "BURST", 3.0)
    monkeypatch.setattr(under_test, "REQUESTS_A_SECOND", 0.001)
    async with serving(rig, Access("0.0.0.0", TOKEN)) as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        statuses = [(await client.get("/api/v1/feeds", headers=headers))[0] for _ in range(4)]
        response = await client.session.get("/api/v1/feeds", headers=headers)

        elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
        async with aiohttp.ClientSession(connector=elsewhere) as other:
            another = await other.get(f"http://127.0.0.1:{client.port}/api/v1/feeds", headers=headers)

    assert statuses == [200, 200, 200, 429]
    assert another.status == 200
    assert response.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("one", "another", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "192.0.2.1", False),
    ],
)
def test_a_client_is_an_address_or_a_network_of_ipv6(one: str, another: str, same: bool) -> None:
    """Else whoever has such a network has a limit of his own for each of its addresses."""
    assert (client_of(one) == client_of(another)) is same


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


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("kind", ["empty", "image", "script", "iframe"])
async def test_nothing_is_worked_out_for_a_page_of_another_site(site: str, kind: str, client: Client) -> None:
    """It would not be given the answer, but could ask without end."""
    status, answer = await client.get("/api/v1/clusters", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Dest": kind})

    assert (status, answer["error"][:22]) == (403, "A page of another site")


@pytest.mark.parametrize(
    ("site", "kind"), [("same-origin", "empty"), ("none", "document"), ("cross-site", "document"), ("", "")]
)
async def test_our_page_a_link_and_a_program_are_answered(site: str, kind: str, client: Client) -> None:
    status, _ = await client.get("/api/v1/clusters", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Dest": kind})

    assert status == 200


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
