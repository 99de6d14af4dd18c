"""REST: what is asked, and what is said when the answer is none."""

from __future__ import annotations

import asyncio

import aiohttp
import msgspec
import pytest

from liqalert.feeds.binance_rest import BinanceRest, RestError, domain_of
from tests.binance_server import BinanceServer


def rest(server: BinanceServer, session: aiohttp.ClientSession, timeout_s: float = 2.0) -> BinanceRest:
    return BinanceRest(session, rest_url=server.rest_url + "/", coin_rest_url=server.rest_url, timeout_s=timeout_s)


async def test_each_question_goes_to_its_address(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    client = rest(server, session)

    await client.exchange_info()
    await client.coin_exchange_info()
    await client.open_interest("BTCUSDT")
    await client.coin_open_interest("BTCUSD_PERP")

    assert server.rest_calls == [
        "/fapi/v1/exchangeInfo",
        "/dapi/v1/exchangeInfo",
        "/fapi/v1/openInterest?symbol=BTCUSDT",
        "/dapi/v1/openInterest?symbol=BTCUSD_PERP",
    ]


async def test_symbol_in_another_script_is_percent_encoded_once(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    server.open_interest["测试&USDT"] = "5"

    answer = await rest(server, session).open_interest("测试&USDT")

    assert server.rest_calls == ["/fapi/v1/openInterest?symbol=%E6%B5%8B%E8%AF%95%26USDT"]
    assert msgspec.json.decode(answer)["openInterest"] == "5"


@pytest.mark.parametrize(
    ("status", "words"),
    [(429, "too many requests"), (418, "banned"), (403, "firewall"), (451, "country"), (500, "later"), (301, "later")],
)
async def test_refusal_names_path_status_and_remedy(
    server: BinanceServer, session: aiohttp.ClientSession, status: int, words: str
) -> None:
    server.rest_status, server.rest_headers = status, {"Retry-After": "7"}

    with pytest.raises(RestError, match=words) as caught:
        await rest(server, session).exchange_info()

    assert str(caught.value).startswith(f"/fapi/v1/exchangeInfo: HTTP {status}: ")
    assert (caught.value.status, caught.value.retry_after_s) == (status, 7.0)


@pytest.mark.parametrize(
    ("header", "wait_s"), [("99999", 3600.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 60.0), ("-5", 60.0), ("²", 60.0)]
)
async def test_strange_retry_after_is_bounded(
    server: BinanceServer, session: aiohttp.ClientSession, header: str, wait_s: float
) -> None:
    server.rest_status, server.rest_headers = 429, {"Retry-After": header}

    with pytest.raises(RestError) as caught:
        await rest(server, session).exchange_info()

    assert caught.value.retry_after_s == wait_s


@pytest.mark.parametrize("status", [429, 418])
async def test_who_asked_too_much_is_not_asked_again_before_the_time_is_up(
    server: BinanceServer, session: aiohttp.ClientSession, status: int
) -> None:
    client = rest(server, session)
    server.rest_status, server.rest_headers = status, {"Retry-After": "1"}
    for ask in (client.exchange_info, client.coin_exchange_info, client.exchange_info):
        with pytest.raises(RestError) as caught:
            await ask()
    asked_while_closed = len(server.rest_calls)
    server.rest_status = None
    await asyncio.sleep(caught.value.retry_after_s + 0.05)

    await client.exchange_info()

    assert asked_while_closed == 1
    assert (caught.value.status, 0.0 < caught.value.retry_after_s <= 1.0) == (status, True)


@pytest.mark.parametrize("status", [429, 418])
async def test_what_one_interface_refuses_as_too_much_is_not_asked_of_the_other_either(
    server: BinanceServer, session: aiohttp.ClientSession, status: int
) -> None:
    async with BinanceServer() as coin:
        client = BinanceRest(session, rest_url=server.rest_url, coin_rest_url=coin.rest_url)
        server.rest_status, server.rest_headers = status, {"Retry-After": "1"}
        with pytest.raises(RestError):
            await client.exchange_info()

        with pytest.raises(RestError) as caught:
            await client.coin_exchange_info()

        assert coin.rest_calls == []
        assert (caught.value.status, 0.0 < caught.value.retry_after_s <= 1.0) == (status, True)


async def test_who_is_no_part_of_binance_has_a_budget_of_its_own(
    server: BinanceServer, session: aiohttp.ClientSession
) -> None:
    async with BinanceServer() as coin:
        elsewhere = coin.rest_url.replace("127.0.0.1", "localhost")
        client = BinanceRest(session, rest_url=server.rest_url, coin_rest_url=elsewhere)
        server.rest_status = 429
        with pytest.raises(RestError):
            await client.exchange_info()

        await client.coin_exchange_info()

        assert coin.rest_calls == ["/dapi/v1/exchangeInfo"]


@pytest.mark.parametrize(
    ("base", "domain"),
    [
        ("https://fapi.binance.com", "binance.com"),
        ("https://dapi.binance.com", "binance.com"),
        ("http://127.0.0.1:8080", "127.0.0.1"),
        ("http://[::1]:8080", "::1"),
        ("http://proxy:8080/binance", "proxy"),
    ],
)
def test_both_of_binances_addresses_are_of_one_domain(base: str, domain: str) -> None:
    assert domain_of(base) == domain


@pytest.mark.parametrize(("status", "wait_s"), [(429, 60.0), (418, 120.0), (503, 0.0)])
async def test_who_does_not_say_how_long_is_left_alone_for_a_while(
    server: BinanceServer, session: aiohttp.ClientSession, status: int, wait_s: float
) -> None:
    server.rest_status = status

    with pytest.raises(RestError) as caught:
        await rest(server, session).exchange_info()

    assert caught.value.retry_after_s == wait_s


async def test_unreachable_server_is_an_error_of_its_own(session: aiohttp.ClientSession) -> None:
    server = BinanceServer()
    await server.start()
    await server.stop()

    with pytest.raises(RestError, match=r"/dapi/v1/exchangeInfo: no answer: check the network") as caught:
        await rest(server, session).coin_exchange_info()

    assert caught.value.status is None


async def test_password_of_a_mirror_is_not_told(session: aiohttp.ClientSession) -> None:
    """What is told stands on /readyz, for which no token is needed."""
    mirror = "http://name:geheim@127.0.0.1:1"

    with pytest.raises(RestError, match=r"check the network and http://127\.0\.0\.1:1 ") as caught:
        await BinanceRest(session, rest_url=mirror, coin_rest_url=mirror, timeout_s=2.0).exchange_info()

    assert "geheim" not in str(caught.value)


async def test_slow_answer_is_given_up(server: BinanceServer, session: aiohttp.ClientSession) -> None:
    server.rest_delay_s = 5.0

    with pytest.raises(RestError, match="no answer"):
        await rest(server, session, timeout_s=0.1).exchange_info()
