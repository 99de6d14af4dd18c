from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from liqalert.app.check_online import Waiting, check_online
from liqalert.clock import Clock, SystemClock
from liqalert.settings import load_settings
from tests.binance_messages import USD_M_INFO
from tests.binance_server import BinanceServer
from tests.telegram_server import TOKEN, TelegramServer, telegram_server

WAITING = Waiting(resolve_s=2, connect_s=2, frame_s=0.3, telegram_s=2)


@dataclass
class SkewedClock:
    """This machine's clock, off by some seconds."""

    off_s: float

    def now(self) -> float:
        return SystemClock().now() + self.off_s


@pytest.fixture
async def exchange() -> AsyncIterator[BinanceServer]:
    async with BinanceServer() as server:
        server.mark_every(0.05)
        yield server


async def _findings(clock: Clock | None = None, **environ: str) -> tuple[list[str], list[str]]:
    """What is fine and what is a problem."""
    settings = load_settings(None, {f"LIQALERT_{name}": value for name, value in environ.items()})
    found = [finding async for finding in check_online(settings, clock or SystemClock(), WAITING)]
    fine = [f"{item.subject}: {item.text}" for item in found if item.ok]
    return fine, [f"{item.subject}: {item.text}" for item in found if not item.ok]


async def _of_exchange(
    server: BinanceServer, clock: Clock | None = None, **environ: str
) -> tuple[list[str], list[str]]:
    return await _findings(clock, BINANCE__WS_URL=server.ws_url, BINANCE__REST_URL=server.rest_url, **environ)


async def test_market_that_sends_marks_is_fine(exchange: BinanceServer) -> None:
    fine, problems = await _of_exchange(exchange)

    assert problems == []
    assert "binance.ws_url: connects" in fine
    assert "binance.ws_url: mark prices arrive" in fine
    assert fine[-1].startswith("clock: agrees with Binance's")


async def test_a_proxy_of_the_environment_is_used_where_the_daemon_uses_it(
    exchange: BinanceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For Telegram, and not for Binance. This one does not answer."""
    monkeypatch.setenv("no_proxy", "")
    for scheme in ("http", "ws"):
        monkeypatch.setenv(f"{scheme}_proxy", "http://127.0.0.1:9")

    async with telegram_server() as server:
        _, problems = await _of_exchange(exchange, TELEGRAM__TOKEN=TOKEN, TELEGRAM__API_URL=server.api_url)

    assert [problem.partition(":")[0] for problem in problems] == ["telegram.api_url"]


@pytest.mark.parametrize(
    ("symbols", "found"),
    [
        ("BTCUSDT,ETHUSDT", []),
        ("BTCUSD_PERP", []),
        (
            "BTC,ETHUSD,ZZZZUSDT,BTCUSDT",
            [
                "binance.symbols: Binance does not list BTC: did you mean BTCUSDT or ETHBTC?",
                "binance.symbols: Binance does not list ETHUSD: did you mean ETHUSDT or ETHBTC?",
                "binance.symbols: Binance does not list ZZZZUSDT: write it as Binance does, like BTCUSDT",
            ],
        ),
    ],
)
async def test_symbol_that_is_not_listed_is_a_problem_with_the_nearest_names(
    exchange: BinanceServer, symbols: str, found: list[str]
) -> None:
    fine, problems = await _of_exchange(exchange, BINANCE__SYMBOLS=symbols)

    assert problems == found
    assert ("binance.symbols: Binance lists each of them" in fine) == (not found)


async def test_symbol_that_does_not_trade_is_a_problem(exchange: BinanceServer) -> None:
    settling = {"symbol": "ETHUSDT", "status": "SETTLING"}
    exchange.exchange_info = {"symbols": [USD_M_INFO["symbols"][0], settling]}

    _, problems = await _of_exchange(exchange)

    assert problems == [
        "binance.symbols: Binance says that ETHUSDT does not trade (status SETTLING): "
        "expect no marks and no liquidations"
    ]


async def test_of_lists_that_cannot_be_read_no_symbol_is_said_to_be_missing(exchange: BinanceServer) -> None:
    exchange.rest_status = 418
    _, refused = await _of_exchange(exchange, BINANCE__SYMBOLS="NOSUCHCOIN")
    exchange.rest_status = None
    exchange.exchange_info = {"hello": "world"}
    _, strange = await _of_exchange(exchange, BINANCE__SYMBOLS="NOSUCHCOIN")

    assert [each.partition(" for a while")[0] for each in refused] == [
        "binance.rest_url: /fapi/v1/exchangeInfo: HTTP 418: this address is banned"
    ]
    assert strange == ["binance.rest_url: answers, but not with a list of instruments: check the address"]


async def test_market_that_connects_and_stays_silent_is_a_problem(exchange: BinanceServer) -> None:
    exchange.stalled = True

    fine, problems = await _of_exchange(exchange)

    assert "binance.ws_url: connects" in fine
    assert problems == ["binance.ws_url: no mark price within 0.3 s: check the address"]


async def test_block_by_country_is_a_problem_in_plain_words(exchange: BinanceServer) -> None:
    exchange.refusal = 451

    _, [problem] = await _of_exchange(exchange)

    assert "does not serve this country (HTTP 451)" in problem


async def test_server_that_is_away_is_a_problem() -> None:
    async with BinanceServer() as server:
        pass

    _, [of_rest, of_stream] = await _of_exchange(server)

    assert of_rest.startswith("binance.rest_url: /fapi/v1/exchangeInfo: no answer: check the network")
    assert "cannot be reached" in of_stream


@pytest.mark.parametrize(("off_s", "word"), [(-60.0, "slow"), (60.0, "fast")])
async def test_clock_that_is_off_is_a_problem(exchange: BinanceServer, off_s: float, word: str) -> None:
    _, [problem] = await _of_exchange(exchange, SkewedClock(off_s))

    found = re.match(r"clock: this machine is ([0-9.]+) s (slow|fast)", problem)
    assert found is not None
    assert float(found[1]) == pytest.approx(60.0, abs=1.0)
    assert found[2] == word


async def test_name_that_does_not_exist_is_a_problem() -> None:
    _, problems = await _findings(BINANCE__WS_URL="ws://nowhere.invalid/market", BINANCE__REST_URL="http://127.0.0.1:9")

    assert problems[0] == (
        "binance.ws_url: the name nowhere.invalid cannot be resolved: check this machine's network and DNS"
    )


# ---------------------------------------------------------------- Telegram


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with telegram_server() as server:
        yield server


async def _of_telegram(api_url: str, token: str) -> tuple[list[str], list[str]]:
    return await _findings(BINANCE__ENABLED="false", TELEGRAM__API_URL=api_url, TELEGRAM__TOKEN=token)


async def test_token_that_telegram_knows_is_fine(telegram: TelegramServer) -> None:
    fine, problems = await _of_telegram(telegram.api_url, TOKEN)

    assert problems == []
    assert fine[0].startswith("telegram.token: belongs to @")


async def test_token_that_telegram_does_not_know_is_a_problem(telegram: TelegramServer) -> None:
    _, problems = await _of_telegram(telegram.api_url, "999:AAE-geheim")

    assert problems == ["telegram.token: Telegram does not know this token: copy it again from @BotFather"]


async def test_telegram_that_cannot_be_reached_is_a_problem_without_the_token() -> None:
    _, [problem] = await _of_telegram("http://127.0.0.1:9", "999:AAE-geheim")

    assert problem.startswith("telegram.api_url: cannot be reached")
    assert "geheim" not in problem


async def test_something_else_at_the_address_is_a_problem(exchange: BinanceServer) -> None:
    _, [problem] = await _of_telegram(f"{exchange.rest_url}/fapi/v1/exchangeInfo?x=", "999:AAE-geheim")

    assert problem == "telegram.api_url: answers HTTP 200 but not like the Bot API: check the address"


# ---------------------------------------------------------------- database server


async def test_database_server_that_is_away_is_a_problem_without_the_password() -> None:
    _, [problem] = await _findings(
        BINANCE__ENABLED="false", DATABASE__URL="postgresql+asyncpg://u:geheim@127.0.0.1:9/liqalert"
    )

    assert problem.startswith("database.url: ")
    assert problem.endswith(": see to the server, or check the address")
    assert "geheim" not in problem
