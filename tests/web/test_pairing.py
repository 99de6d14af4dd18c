from __future__ import annotations

import pytest

from liqalert.ports import Role, StorageError
from liqalert.web.access import Access
from liqalert.web.pairing import CannotPair
from tests.web.pairing_rig import Offers, serving

PATH = "/api/v1/pair"


@pytest.mark.parametrize("role", ["owner", "user", "reader"])
async def test_a_code_is_given_with_its_link_and_its_end(role: str) -> None:
    offers = Offers()

    async with serving(offers) as client:
        answer = await client.post(PATH, json={"role": role})

    assert answer == (
        200,
        {
            "code": "ABCDEFGHJK",
            "link": "https://t.me/standin_bot?start=ABCDEFGHJK",
            "expires_at": "2023-11-14T22:23:20.000Z",
        },
    )
    assert offers.roles == [Role(role)]


async def test_nothing_said_means_user() -> None:
    offers = Offers(link=None)

    async with serving(offers) as client:
        _, answer = await client.post(PATH, json={})

    assert answer["link"] is None
    assert offers.roles == [Role.USER]


async def test_a_role_that_does_not_exist_is_refused_with_those_that_do() -> None:
    offers = Offers()

    async with serving(offers) as client:
        answer = await client.post(PATH, json={"role": "king"})

    assert answer == (400, {"error": "role is 'king'.", "allowed": ["owner", "user", "reader"]})
    assert offers.roles == []


@pytest.mark.parametrize("body", [[], "user", {"role": 7}, {"rule": "user"}])
async def test_a_body_that_makes_no_sense_is_refused(body: object) -> None:
    async with serving(Offers()) as client:
        status, answer = await client.post(PATH, json=body)

    assert (status, answer["allowed"]) == (400, ["role"])


async def test_without_a_bot_it_says_what_to_do() -> None:
    async with serving(Offers(CannotPair("telegram.token is not set"))) as client:
        answer = await client.post(PATH, json={})

    assert answer == (409, {"error": "telegram.token is not set", "allowed": []})


async def test_a_database_that_refuses_is_503() -> None:
    async with serving(Offers(StorageError("keeping a one-time code: disk I/O error"))) as client:
        answer = await client.post(PATH, json={})

    assert answer == (503, {"error": "keeping a one-time code: disk I/O error", "allowed": []})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer geheim", "Host": "evil.example"}, 403),
        ({"Authorization": "Bearer geheim", "Content-Type": "text/plain"}, 415),
        ({"Authorization": "Bearer geheim"}, 200),
    ],
)
async def test_it_stands_behind_the_same_guards_as_every_endpoint(headers: dict[str, str], status: int) -> None:
    offers = Offers()

    async with serving(offers, Access("127.0.0.1", "geheim")) as client:
        found, _ = await client.post(PATH, json={}, headers=headers)

    assert found == status
    assert len(offers.roles) == (status == 200)


async def test_it_cannot_be_asked_by_a_link() -> None:
    offers = Offers()

    async with serving(offers) as client:
        status, _ = await client.get(f"{PATH}?role=owner")

    assert status == 405
    assert offers.roles == []
