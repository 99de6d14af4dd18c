"""Every status a web server can answer with, over a real socket, and what it means for the delivery."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import aiohttp
import msgspec
import pytest
from aiohttp import web

from liqalert.core.episodes import Episode, EpisodeState
from liqalert.core.outcomes import Told
from liqalert.delivery.letters import Composer, Letter
from liqalert.notifiers.webhook import WebhookNotifier, error_of, idempotency_key
from liqalert.ports import Delivery, DeliveryError, DeliveryStatus, Event, Message
from tests.fakes import NEAR_BTC, FakeClock, near_alert
from tests.leaks import assert_leaks_no_secret

ALERT = Message("<b>x</b>", "x", told=(Told(near_alert("abcdefgh")),))
SECRET = "a-secret-of-the-user"
NOW = 1_795_392_000.0
TEMPORARY = {408, 409, 421, 423, 425, 429}
REFUSED_AS_A_WHOLE = {401, 402, 403, 404, 405, 407}


@dataclass
class Receiver:
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        await asyncio.sleep(self.delay_s)
        return web.Response(status=self.status, headers=self.headers, text="" if self.status == 204 else "so it is")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook?key={SECRET}"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def notifier(receiver: Receiver) -> AsyncIterator[WebhookNotifier]:
    async with aiohttp.ClientSession() as session:
        yield WebhookNotifier(session, receiver.url, secret=SECRET, clock=FakeClock(1_795_392_000.0))


async def test_an_alert_arrives_as_json_that_can_be_verified(receiver: Receiver, notifier: WebhookNotifier) -> None:
    key = await notifier.send("webhook", ALERT)

    [(headers, body)] = receiver.requests
    content = msgspec.json.decode(body)
    assert (content["version"], content["event"], content["text"], content["id"]) == (1, "alert", "x", key)
    [alert] = content["alerts"]
    assert (alert["id"], alert["kind"], alert["symbol"], alert["liquidated"]) == (
        "abcdefgh",
        "near",
        "BTCUSDT",
        "long",
    )
    assert headers["Idempotency-Key"] == key
    assert headers["X-Liqalert-Timestamp"] == "1795392000"
    signed = hmac.new(SECRET.encode(), b"1795392000." + body, hashlib.sha256).hexdigest()
    assert headers["X-Liqalert-Signature"] == f"sha256={signed}"


async def test_trying_again_has_the_same_key_and_an_outcome_another(
    receiver: Receiver, notifier: WebhookNotifier
) -> None:
    first = await notifier.send("webhook", ALERT)
    again = await notifier.send("webhook", ALERT)
    episode = Episode("e", NEAR_BTC, "z", EpisodeState.SWEPT, 1.0, "abcdefgh", EpisodeState.SWEPT)
    outcome = replace(ALERT, event=Event.OUTCOME, told=(Told(near_alert("abcdefgh"), episode),))

    amended = await notifier.amend("webhook", first, outcome, outcome)

    assert first == again == amended
    last = msgspec.json.decode(receiver.requests[-1][1])
    assert last["id"] != first
    assert (last["event"], last["alerts"][0]["episode"]) == ("outcome", {"state": "swept", "outcome": "swept"})


def test_a_list_that_is_tried_again_has_the_same_key_though_its_words_tell_another_age() -> None:
    told = [Told(near_alert(f"alert{number:03}", NOW)) for number in range(60)]
    late = [_due(each, DeliveryStatus.LATE) for each in told]
    composer = Composer()

    today, tomorrow = (composer.missed(Letter(tuple(late), listed=True), told, NOW + hours * 3600) for hours in (1, 30))
    storm, later = (composer.digest(late[:5], NOW + delay_s) for delay_s in (1.0, 600.0))

    assert today[0].plain != tomorrow[0].plain
    assert [*map(idempotency_key, today)] == [*map(idempotency_key, tomorrow)]
    assert len({*map(idempotency_key, today)}) == len(today) > 1
    assert storm[0].plain != later[0].plain
    assert idempotency_key(storm[0]) == idempotency_key(later[0])


def _due(told: Told, status: DeliveryStatus) -> Delivery:
    return Delivery(1, told.alert, 1, "webhook", "webhook", False, status, 0, NOW, NOW)


@pytest.mark.parametrize("status", range(200, 600))
def test_every_status_is_decided(status: int) -> None:
    error = error_of(status, None)

    if status < 300:
        assert error is None
    else:
        assert error is not None
        assert error.permanent is (400 <= status < 500 and status not in TEMPORARY | REFUSED_AS_A_WHOLE)
        assert error.address_dead is (status == 410)
        assert error.channel_dead is (status in REFUSED_AS_A_WHOLE)


@pytest.mark.parametrize(("told", "waits"), [("7", 7.0), ("999999", 3600.0), ("Wed, 21 Oct", None), ("-1", None)])
async def test_retry_after_is_heeded(
    receiver: Receiver, notifier: WebhookNotifier, told: str, waits: float | None
) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": told}

    assert (await refused(notifier)).retry_after_s == waits


async def test_a_redirect_is_not_followed(receiver: Receiver, notifier: WebhookNotifier) -> None:
    receiver.status, receiver.headers = 307, {"Location": receiver.url}

    error = await refused(notifier)

    assert str(error) == "webhook answers HTTP 307, which is not followed: give the address that it leads to"
    assert not error.permanent
    assert len(receiver.requests) == 1


async def test_silence_is_tried_again(
    receiver: Receiver, notifier: WebhookNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("liqalert.notifiers.webhook.TIMEOUT_S", 0.1)
    receiver.delay_s = 5.0

    error = await refused(notifier)

    assert not error.permanent
    assert "whether it arrived is unknown" in str(error)


@pytest.mark.parametrize("status", [302, 400, 401, 410, 429, 500])
async def test_errors_leak_no_secret(
    receiver: Receiver, notifier: WebhookNotifier, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = status

    assert await assert_leaks_no_secret(lambda: notifier.send("webhook", ALERT), SECRET, caplog) is not None


async def test_an_address_nobody_listens_on_leaks_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    async with aiohttp.ClientSession() as session:
        notifier = WebhookNotifier(session, f"http://127.0.0.1:9/{SECRET}", secret=SECRET, clock=FakeClock())

        error = await assert_leaks_no_secret(lambda: notifier.send("webhook", ALERT), SECRET, caplog)

    assert isinstance(error, DeliveryError)
    assert not error.permanent


async def refused(notifier: WebhookNotifier) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await notifier.send("webhook", ALERT)
    return caught.value
