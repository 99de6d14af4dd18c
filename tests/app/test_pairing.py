"""One-time codes, written to a real database and redeemed from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from liqalert.app.pairing import VALID_S, Pairing, link_of, new_code, offer_without_daemon
from liqalert.ports import Role, StorageError
from liqalert.settings import Settings, load_settings
from liqalert.storage.database import Database
from liqalert.storage.enrolment import Enrolments
from liqalert.storage.lock import exclusively
from liqalert.storage.schema import migrate
from liqalert.web.pairing import CannotPair, Offer
from tests.fakes import FakeClock
from tests.telegram_server import TOKEN, telegram_server

NOW = 1_795_392_000.0


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/liqalert.db"


async def redeemed(url: str, code: str, now: float = NOW) -> Role | None:
    async with Database(url) as database:
        chat = await Enrolments(database).redeem(code, "telegram", "77", now)
    return chat.role if chat else None


def settings(url: str, **environ: str) -> Settings:
    return load_settings(None, {"LIQALERT_DATABASE__URL": url, **environ})


def test_a_code_has_ten_signs_that_cannot_be_taken_for_one_another() -> None:
    codes = {new_code() for _ in range(500)}

    assert len(codes) == 500
    assert all(re.fullmatch(r"[A-HJ-NP-Z2-9]{10}", code) for code in codes)
    assert set("".join(codes)) == set("ABCDEFGHJKLMNPQRSTUVWXYZ23456789")


def test_the_link_opens_the_bot_with_the_code() -> None:
    assert link_of("standin_bot", "ABCDEFGHJK") == "https://t.me/standin_bot?start=ABCDEFGHJK"


@pytest.mark.parametrize("role", list(Role))
async def test_an_offered_code_gives_its_role_once(url: str, role: Role) -> None:
    async with Database(url) as database:
        await migrate(database)
        offer = await Pairing(Enrolments(database), FakeClock(NOW), lambda: "standin_bot").offer(role)

    assert offer == Offer(offer.code, f"https://t.me/standin_bot?start={offer.code}", NOW + 600.0)
    assert (await redeemed(url, offer.code), await redeemed(url, offer.code)) == (role, None)


@pytest.mark.parametrize(("later_s", "role"), [(599.0, Role.USER), (600.0, None)])
async def test_a_code_is_good_for_ten_minutes(url: str, later_s: float, role: Role | None) -> None:
    async with Database(url) as database:
        await migrate(database)
        offer = await Pairing(Enrolments(database), FakeClock(NOW), lambda: "standin_bot").offer(Role.USER)

    assert VALID_S == 600.0
    assert await redeemed(url, offer.code, NOW + later_s) is role


async def test_a_bot_whose_name_is_not_known_yet_has_no_link(url: str) -> None:
    async with Database(url) as database:
        await migrate(database)
        offer = await Pairing(Enrolments(database), FakeClock(NOW), lambda: None).offer(Role.USER)

    assert offer.link is None
    assert await redeemed(url, offer.code) is Role.USER


async def test_without_a_bot_no_code_is_made(url: str) -> None:
    async with Database(url) as database:
        await migrate(database)
        with pytest.raises(CannotPair, match=r"telegram\.token is not set: run `liqalert init`"):
            await Pairing(Enrolments(database), FakeClock(NOW), None).offer(Role.USER)


def test_an_offer_prints_without_its_code() -> None:
    assert "ABCDEFGHJK" not in repr(Offer("ABCDEFGHJK", "https://t.me/x?start=ABCDEFGHJK", NOW))


# ---------------------------------------------------------------- without a daemon


async def test_a_command_writes_the_code_to_a_database_that_nobody_holds(url: str) -> None:
    async with telegram_server() as server:
        configured = settings(url, LIQALERT_TELEGRAM__TOKEN=TOKEN, LIQALERT_TELEGRAM__API_URL=server.api_url)

        offer = await offer_without_daemon(configured, Role.READER, FakeClock(NOW))

    assert offer.link == f"https://t.me/standin_bot?start={offer.code}"
    assert await redeemed(url, offer.code) is Role.READER


async def test_a_telegram_that_cannot_be_reached_costs_the_link_only(url: str) -> None:
    configured = settings(url, LIQALERT_TELEGRAM__TOKEN=TOKEN, LIQALERT_TELEGRAM__API_URL="http://127.0.0.1:9")

    offer = await offer_without_daemon(configured, Role.USER, FakeClock(NOW))

    assert offer.link is None
    assert await redeemed(url, offer.code) is Role.USER


async def test_a_database_that_a_daemon_holds_is_left_alone(url: str) -> None:
    configured = settings(url, LIQALERT_TELEGRAM__TOKEN=TOKEN, LIQALERT_TELEGRAM__API_URL="http://127.0.0.1:9")
    async with Database(url) as database, exclusively(database):
        with pytest.raises(StorageError, match="another liqalert"):
            await offer_without_daemon(configured, Role.USER, FakeClock(NOW))


async def test_without_a_token_nothing_is_written(url: str, tmp_path: Path) -> None:
    with pytest.raises(CannotPair, match=r"telegram\.token is not set: run `liqalert init`"):
        await offer_without_daemon(settings(url), Role.USER, FakeClock(NOW))

    assert list(tmp_path.iterdir()) == []
