"""Apprise's own json:// service against a real web server, and everything that can go wrong on the way."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from aiohttp import web

from liqalert.notifiers import apprise as under_test
from liqalert.notifiers.apprise import AppriseNotifier, name_of
from liqalert.ports import DeliveryError, Event, Message
from tests.leaks import assert_leaks_no_secret

# Apprise imports what Python 3.13 no longer has, and copes without.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

HELLO = Message("<b>hello</b> &amp; welcome", "hello & welcome\nsecond line")
SECRET = "a-secret-of-the-user"


@dataclass
class Receiver:
    status: int = 200
    delay_s: float = 0.0
    redirect_to: str | None = None
    bodies: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """What stands in the settings, with a secret in each of its parts."""
        return f"json://user:{SECRET}@127.0.0.1:{self.port}/{SECRET}?+key={SECRET}"

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(msgspec.json.decode(await request.read()))
        await asyncio.sleep(self.delay_s)
        headers = {"Location": self.redirect_to} if self.redirect_to else None
        return web.Response(status=self.status, headers=headers)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.port = runner.addresses[0][1]
    yield receiver
    await runner.cleanup()


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    """The notifier turns the libraries' loggers off for good."""
    named = [logging.getLogger(name) for name in ("apprise", *under_test.NOISY)]
    before = [(logger.level, logger.propagate, logger.handlers) for logger in named]
    yield
    for logger, (level, propagate, handlers) in zip(named, before, strict=True):
        logger.setLevel(level)
        logger.propagate, logger.handlers = propagate, handlers


async def refused(url: str, *, address: str | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await AppriseNotifier([url]).send(address or name_of(url), HELLO)
    return caught.value


async def test_a_message_arrives_as_plain_text(receiver: Receiver) -> None:
    notifier = AppriseNotifier([receiver.url])

    first = await notifier.send(name_of(receiver.url), HELLO)
    second = await notifier.send(name_of(receiver.url), HELLO)

    assert [body["message"] for body in receiver.bodies] == ["hello & welcome\nsecond line"] * 2
    assert first != second


async def test_each_address_gets_what_is_sent_to_it() -> None:
    receivers = [Receiver(port=1), Receiver(port=2)]

    names = [name_of(receiver.url) for receiver in receivers]

    assert len(set(names)) == 2
    assert all(re.fullmatch(r"json-[0-9a-f]{8}", name) for name in names)


def test_a_name_is_the_same_in_every_process_and_holds_no_secret() -> None:
    assert name_of(f"NTFYS://{SECRET}@ntfy.sh/topic") == "ntfys-4d349ccc"


async def test_a_message_longer_than_a_service_takes_is_sent_in_parts(receiver: Receiver) -> None:
    long = Message("", "\n".join(f"line {number}" for number in range(6000)))

    await AppriseNotifier([receiver.url]).send(name_of(receiver.url), long)

    arrived = "".join(body["message"] for body in receiver.bodies)
    assert len(receiver.bodies) > 1
    assert "".join(arrived.split()) == "".join(long.plain.split())


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 418, 429, 500, 502, 503, 504, 599])
async def test_what_a_service_refuses_is_tried_again(receiver: Receiver, status: int) -> None:
    """Apprise says no more than False, so that nothing can be told for lasting."""
    receiver.status = status

    error = await refused(receiver.url)

    assert str(error) == f"apprise: {name_of(receiver.url)} has not taken it (HTTP {status})"
    assert (error.permanent, error.address_dead, error.channel_dead) == (False, False, False)


async def test_the_status_of_one_failure_is_not_told_of_the_next(receiver: Receiver) -> None:
    receiver.status = 500
    notifier = AppriseNotifier([receiver.url, "json://127.0.0.1:9/"])
    with pytest.raises(DeliveryError, match="HTTP 500"):
        await notifier.send(name_of(receiver.url), HELLO)

    with pytest.raises(DeliveryError) as caught:
        await notifier.send(name_of("json://127.0.0.1:9/"), HELLO)

    assert str(caught.value).endswith("has not taken it")


async def test_a_service_that_hangs_is_tried_again_and_holds_up_nobody(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "TIMEOUT_S", 0.2)
    receiver.delay_s = 1.0
    turns = 0

    sending = asyncio.create_task(refused(receiver.url))
    while not sending.done():
        turns += 1
        await asyncio.sleep(0.01)
    error = await sending

    assert turns > 3
    assert "whether it arrived is unknown" in str(error)
    assert not error.permanent


@pytest.mark.parametrize("url", [f"nosuch://{SECRET}", f"discord://{SECRET}", f"tgram://{SECRET}/"])
async def test_what_apprise_cannot_use_is_given_up_at_once(url: str) -> None:
    error = await refused(url)

    assert str(error) == f"apprise: {name_of(url)} is no address that Apprise can use"
    assert error.permanent


async def test_an_address_that_was_taken_from_the_settings_is_given_up(receiver: Receiver) -> None:
    error = await refused(receiver.url, address="json-00000000")

    assert str(error) == "apprise: json-00000000 no longer stands in apprise.urls"
    assert error.permanent


async def test_without_the_extra_the_channel_says_what_to_install(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)

    error = await refused(receiver.url)

    assert "pip install 'liqalert[apprise]'" in str(error)
    assert (error.permanent, error.channel_dead) == (True, True)


async def test_a_service_that_raises_is_tried_again(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def notify(self, body: str, *, body_format: str) -> object:
            raise RuntimeError(receiver.url)

    monkeypatch.setattr(under_test, "courier_of", lambda url: Broken())

    error = await refused(receiver.url)

    assert str(error) == f"apprise: {name_of(receiver.url)} failed (RuntimeError)"
    assert not error.permanent


# ---------------------------------------------------------------- amendments


async def test_an_outcome_changes_nothing(receiver: Receiver) -> None:
    outcome = Message("x", "x", event=Event.OUTCOME)

    assert await AppriseNotifier([receiver.url]).amend("json-00000000", "id", outcome, outcome) == "id"
    assert receiver.bodies == []


async def test_a_digest_that_grows_is_refused_so_that_what_is_new_is_sent_by_itself(receiver: Receiver) -> None:
    growing = Message("x", "x", event=Event.LIST)

    with pytest.raises(DeliveryError) as caught:
        await AppriseNotifier([receiver.url]).amend("json-00000000", "id", growing, growing)

    assert caught.value.permanent


# ---------------------------------------------------------------- secrets


@pytest.mark.parametrize("status", [200, 401, 404, 500])
async def test_no_answer_leaks_an_address(receiver: Receiver, status: int, caplog: pytest.LogCaptureFixture) -> None:
    receiver.status = status

    await assert_leaks_no_secret(
        lambda: AppriseNotifier([receiver.url]).send(name_of(receiver.url), HELLO), SECRET, caplog
    )

    assert [record for record in caplog.records if record.name.startswith(("apprise", "urllib3", "requests"))] == []


@pytest.mark.parametrize(
    "url", [f"nosuch://{SECRET}", f"tgram://{SECRET}/", f"json://127.0.0.1:9/{SECRET}?+k={SECRET}"]
)
async def test_no_failure_leaks_an_address(url: str, caplog: pytest.LogCaptureFixture) -> None:
    error = await assert_leaks_no_secret(lambda: AppriseNotifier([url]).send(name_of(url), HELLO), SECRET, caplog)

    assert isinstance(error, DeliveryError)


async def test_warnings_of_the_libraries_below_are_not_heard(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """urllib3 names the whole path when it tries again."""
    await AppriseNotifier([receiver.url]).send(name_of(receiver.url), HELLO)

    for name in ("apprise", "urllib3.connectionpool", "requests_oauthlib.oauth2_session"):
        logging.getLogger(name).error("retrying %s", receiver.url)

    assert caplog.records == []


# ---------------------------------------------------------------- what it costs who does not use it


def test_apprise_is_not_imported_before_the_first_message() -> None:
    program = (
        "import sys; from liqalert.notifiers.apprise import AppriseNotifier; AppriseNotifier(['json://localhost']); "
        "print([name for name in ('apprise', 'requests') if name in sys.modules])"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)

    assert ended.stdout == "[]\n"
