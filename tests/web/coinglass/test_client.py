"""A published client of Coinglass, unmodified, pointed here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import coinglass
import pytest

from tests.web.coinglass.rig import Client, Rig, serving

Result = TypeVar("Result")


@pytest.fixture
def address(client: Client, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address is a constant of the client's, and all that is changed."""
    url = f"http://127.0.0.1:{client.port}"
    monkeypatch.setattr("coinglass._base.BASE_URL", url)
    monkeypatch.setattr("coinglass._async_base.BASE_URL", url)
    return url


async def asked(question: Callable[[coinglass.CoinGlass], Result], api_key: str = "anything") -> Result:
    """The client blocks, so it gets a thread."""

    def ask() -> Result:
        with coinglass.CoinGlass(api_key=api_key, rate_limit=False, timeout=5.0) as client:
            return question(client)

    return await asyncio.to_thread(ask)


@pytest.mark.usefixtures("address")
async def test_it_reads_the_history_of_a_pair() -> None:
    records = await asked(lambda client: client.get_liquidations("BTCUSDT", "1h", limit=2))

    assert [(each.time, each.long_usd, each.short_usd) for each in records] == [
        (1_699_995_600_000, 120_000.5, 0.0),
        (1_699_999_200_000, 2_500.0, 1_000_000.0),
    ]


@pytest.mark.usefixtures("address")
async def test_it_reads_the_history_of_a_coin_with_all_exchanges_it_knows() -> None:
    records = await asked(lambda client: client.get_liquidations_aggregated("BTC", "4h", limit=1))

    assert [(each.long_usd, each.short_usd) for each in records] == [(207_500.5, 1_000_000.0)]


@pytest.mark.usefixtures("address")
async def test_it_reads_the_totals_of_exchanges() -> None:
    rows = await asked(lambda client: client.get_liquidations_by_exchange("BTC", "24h"))

    assert [(row.exchange, row.total_usd, row.long_usd, row.short_usd) for row in rows] == [
        ("All", 1_547_500.5, 507_500.5, 1_040_000.0),
        ("Binance", 1_487_500.5, 447_500.5, 1_040_000.0),
        ("Bybit", 60_000.0, 60_000.0, 0.0),
    ]


@pytest.mark.usefixtures("address")
async def test_its_pages_give_each_row_once() -> None:
    start = 1_699_956_000_000

    records = await asked(
        lambda client: coinglass.paginate(client.get_liquidations, "BTCUSDT", "1h", start_time=start, limit=5)
    )

    assert [each.time for each in records] == [start + hour * 3_600_000 for hour in range(13)]


@pytest.mark.usefixtures("address")
async def test_it_understands_our_errors() -> None:
    with pytest.raises(coinglass.APIError, match=r"code=400\): symbol is 'BTCX', which is not known here"):
        await asked(lambda client: client.get_liquidations("BTCX", "1h"))


@pytest.mark.usefixtures("address")
async def test_its_asynchronous_half_reads_the_same() -> None:
    async with coinglass.AsyncCoinGlass(api_key="anything", rate_limit=False, timeout=5.0) as client:
        records = await client.get_liquidations("BTCUSDT", "1h", limit=1)

    assert [each.short_usd for each in records] == [1_000_000.0]


async def test_its_key_is_the_token(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(rig, "the-token") as client:
        monkeypatch.setattr("coinglass._base.BASE_URL", f"http://127.0.0.1:{client.port}")

        with pytest.raises(coinglass.APIError, match="code=401"):
            await asked(lambda client: client.get_liquidations("BTCUSDT", "1h"), api_key="wrong")
        records = await asked(lambda client: client.get_liquidations("BTCUSDT", "1h", limit=1), api_key="the-token")

    assert len(records) == 1
