"""Every failure Telegram can answer with, over a real socket, and what it means for the delivery."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import astuple, dataclass
from datetime import timedelta

import pytest
from telegram import Bot
from telegram.error import RetryAfter

from liqalert.bot.aiohttp_request import AiohttpRequest
from liqalert.notifiers.telegram import TelegramNotifier, delivery_error
from liqalert.ports import DeliveryError, Message
from tests.leaks import assert_leaks_no_secret
from tests.telegram_server import TOKEN, Fault, TelegramServer, telegram_server

# python-telegram-bot warns whenever it makes a RetryAfter, wherever it is made.
pytestmark = pytest.mark.filterwarnings("ignore::telegram.warnings.PTBDeprecationWarning")

HELLO = Message("<b>hello</b> &amp; welcome", "hello & welcome")


@dataclass(frozen=True, slots=True)
class Meaning:
    """The attributes of a DeliveryError."""

    permanent: bool = False
    retry_after_s: float | None = None
    moved_to: str | None = None
    address_dead: bool = False
    channel_dead: bool = False
    closed: str | None = None


TEMPORARY = Meaning()
PERMANENT = Meaning(permanent=True)
CHAT_GONE = Meaning(permanent=True, address_dead=True)
TOKEN_REFUSED = Meaning(permanent=True, channel_dead=True)


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with telegram_server() as server:
        yield server


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    async with bot_of(server, TOKEN) as bot:
        yield bot


def bot_of(server: TelegramServer, token: str) -> Bot:
    request = AiohttpRequest(1.0, 1.0)
    return _Uninitialised(token, base_url=f"{server.api_url}/bot", request=request, get_updates_request=request)


class _Uninitialised(Bot):
    """Does not ask for itself first: a wrong token is then met by sendMessage."""

    async def initialize(self) -> None:
        await self.request.initialize()

    async def shutdown(self) -> None:
        await self.request.shutdown()


async def failure(bot: Bot, address: str = "7") -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await TelegramNotifier(bot).send(address, HELLO)
    return caught.value


def meaning(error: DeliveryError) -> Meaning:
    return Meaning(*(getattr(error, name) for name in Meaning.__slots__))


async def test_message_arrives_as_html_with_its_loudness(server: TelegramServer, bot: Bot) -> None:
    notifier = TelegramNotifier(bot)

    message_id = await notifier.send("7", HELLO)
    await notifier.send("-1007", Message("quiet", "quiet", silent=True))

    assert server.texts(7) == ["hello & welcome"]
    assert server.messages[7, int(message_id)]["text"] == "hello & welcome"
    first, second = server.calls_of("sendMessage")
    assert (first.params["parse_mode"], first.params.get("disable_notification", "false")) == ("HTML", "false")
    assert second.params["disable_notification"] == "true"
    assert server.refused == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, PERMANENT),
        (401, TOKEN_REFUSED),
        (403, CHAT_GONE),
        (404, TOKEN_REFUSED),
        (408, TEMPORARY),
        (409, TEMPORARY),
        (413, TEMPORARY),
        (420, TEMPORARY),
        (429, TEMPORARY),
        (500, TEMPORARY),
        (502, TEMPORARY),
        (503, TEMPORARY),
        (504, TEMPORARY),
        (520, TEMPORARY),
    ],
)
async def test_every_status_is_decided(server: TelegramServer, bot: Bot, status: int, expected: Meaning) -> None:
    server.fail("sendMessage", Fault.refuse(status, "Something"))

    assert astuple(meaning(await failure(bot))) == astuple(expected)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.refuse(429, "Too Many Requests: retry after 7", retry_after=7), Meaning(retry_after_s=7.0)),
        (Fault.refuse(403, "Forbidden: bot was kicked from the supergroup chat"), CHAT_GONE),
        (Fault.refuse(400, "Bad Request: chat not found"), CHAT_GONE),
        (Fault.refuse(400, "Bad Request: not enough rights to pin a message"), PERMANENT),
        (Fault.refuse(400, "Bad Request: x", migrate_to_chat_id=-1005), Meaning(moved_to="-1005")),
        (Fault.bad_gateway(), TEMPORARY),
        (Fault.drop(), TEMPORARY),
        (Fault.drop_after_accepting(), TEMPORARY),
        (Fault.truncate(), TEMPORARY),
        (Fault.hang(1.0), TEMPORARY),
    ],
)
async def test_every_failure_is_decided(server: TelegramServer, bot: Bot, fault: Fault, expected: Meaning) -> None:
    server.fail("sendMessage", fault)

    assert meaning(await failure(bot)) == expected


async def test_blocked_unknown_and_moved_chats(server: TelegramServer, bot: Bot) -> None:
    server.blocked.add(7)
    server.unknown.add(8)
    server.migrated[-9] = -1009

    found = [meaning(await failure(bot, address)) for address in ("7", "8", "-9")]

    assert found == [CHAT_GONE, CHAT_GONE, Meaning(moved_to="-1009")]


@pytest.mark.parametrize("address", ["-1001234", "-1001234/45"])
@pytest.mark.parametrize(
    ("status", "description"),
    [
        (400, "Bad Request: not enough rights to send text messages to the chat"),
        (400, "Bad Request: have no rights to send a message"),
        (400, "Bad Request: Have no write access to the chat"),
        (400, "Bad Request: need administrator rights in the channel chat"),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN"),
        (403, "Forbidden: CHAT_WRITE_FORBIDDEN"),
        (400, "Bad Request: CHAT_SEND_PLAIN_FORBIDDEN"),
        (400, "Bad Request: CHAT_RESTRICTED"),
        (400, "Bad Request: CHAT_ADMIN_REQUIRED"),
    ],
)
async def test_a_chat_in_which_the_bot_may_not_write_may_let_it_again(
    server: TelegramServer, bot: Bot, address: str, status: int, description: str
) -> None:
    server.fail("sendMessage", Fault.refuse(status, description))

    assert meaning(await failure(bot, address)) == Meaning(closed="-1001234")


@pytest.mark.parametrize(
    ("address", "description", "expected"),
    [
        ("-1001234/45", "TOPIC_CLOSED", Meaning(closed="-1001234/45")),
        ("-1001234", "TOPIC_CLOSED", Meaning(closed="-1001234")),
        ("-1001234/45", "TOPIC_DELETED", Meaning(moved_to="-1001234")),
        ("-1001234/45", "message thread not found", Meaning(moved_to="-1001234")),
    ],
)
async def test_a_topic_that_is_closed_may_be_opened_again_and_one_that_is_deleted_is_gone(
    server: TelegramServer, bot: Bot, address: str, description: str, expected: Meaning
) -> None:
    server.fail("sendMessage", Fault.refuse(400, f"Bad Request: {description}"))

    assert meaning(await failure(bot, address)) == expected


async def test_that_a_topic_is_closed_is_said_in_words(server: TelegramServer, bot: Bot) -> None:
    """It stands in /status and in /why."""
    server.fail("sendMessage", Fault.refuse(400, "Bad Request: TOPIC_CLOSED"))

    assert str(await failure(bot, "-1001234/45")) == "Telegram: the topic is closed"


async def test_server_that_is_gone_is_temporary(server: TelegramServer, bot: Bot) -> None:
    await server.stop()

    assert meaning(await failure(bot)) == TEMPORARY


async def test_answer_that_does_not_come_leaves_the_outcome_unknown(server: TelegramServer, bot: Bot) -> None:
    server.fail("sendMessage", Fault.hang(1.0))

    assert "whether it arrived is unknown" in str(await failure(bot))
    assert server.texts(7) == ["hello & welcome"]


async def test_html_that_telegram_cannot_parse_is_sent_as_plain_text_at_once(server: TelegramServer, bot: Bot) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    notifier = TelegramNotifier(bot, counts)

    await notifier.send("7", Message("<b>broken", "broken, in plain"))

    assert server.texts(7) == ["broken, in plain"]
    assert "parse_mode" not in server.calls_of("sendMessage")[1].params
    assert counts == {("telegram", "sent_as_plain"): 1}


async def test_failure_of_the_plain_text_counts_like_any_other(server: TelegramServer, bot: Bot) -> None:
    server.fail(
        "sendMessage", Fault.refuse(400, "Bad Request: can't parse entities"), Fault.refuse(403, "Forbidden: blocked")
    )

    assert meaning(await failure(bot)) == CHAT_GONE


@pytest.mark.parametrize("token", ["123456:a_token_that_is_wrong", "123456-malformed_token"])
async def test_wrong_token_stops_the_channel(server: TelegramServer, token: str) -> None:
    async with bot_of(server, token) as bot:
        assert meaning(await failure(bot)) == TOKEN_REFUSED


@pytest.mark.parametrize(("value", "seconds"), [(7, 7.0), (timedelta(seconds=7), 7.0)])
@pytest.mark.parametrize("setting", ["false", "true"])
def test_retry_after_is_read_as_a_number_and_as_a_timedelta(
    value: int | timedelta, seconds: float, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", setting)

    assert delivery_error(RetryAfter(value), TOKEN).retry_after_s == seconds


@pytest.mark.parametrize(
    "fault",
    [
        Fault.refuse(400, f"Bad Request: {TOKEN} is not a chat"),
        Fault.refuse(401, "Unauthorized"),
        Fault.refuse(403, "Forbidden"),
        Fault.refuse(429, "Too Many Requests", retry_after=1),
        Fault.refuse(500, f"Internal Server Error in /bot{TOKEN}/sendMessage"),
        Fault.bad_gateway(),
        Fault.drop(),
        Fault.truncate(),
        Fault.hang(1.0),
    ],
)
async def test_no_failure_leaks_the_token(
    server: TelegramServer, bot: Bot, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    server.fail("sendMessage", fault)

    error = await assert_leaks_no_secret(lambda: TelegramNotifier(bot).send("7", HELLO), TOKEN, caplog)

    assert isinstance(error, DeliveryError)


async def test_unreachable_server_and_refused_token_leak_nothing(
    server: TelegramServer, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "654321:another-secret"
    async with bot_of(server, wrong) as bot:
        assert await assert_leaks_no_secret(lambda: TelegramNotifier(bot).send("7", HELLO), wrong, caplog)
        await server.stop()
        assert await assert_leaks_no_secret(lambda: TelegramNotifier(bot).send("7", HELLO), wrong, caplog)
