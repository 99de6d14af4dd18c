"""What a person types, and which instrument it means."""

from __future__ import annotations

import time
from collections.abc import Callable
from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.market import Instrument
from liqalert.core.symbols import canonical, coins_priced, find, nearest


def on_binance(*symbols: str) -> tuple[Instrument, ...]:
    return tuple(Instrument("binance", symbol) for symbol in symbols)


KNOWN = on_binance(
    "BTCUSDT",
    "BTCUSDC",
    "BTCUSDT_261225",
    "BTCUSD_PERP",
    "BTCUSD_261225",
    "ETHUSDT",
    "ETHBTC",
    "1000PEPEUSDT",
    "1000PEPEUSDC",
    "1MBABYDOGEUSDT",
    "SOLUSDT",
    "ARKUSDC",
    "币安人生USDT",
    "XRPUSD_PERP",
)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("BTCUSDT", "BTCUSDT"),
        ("btcusdt", "BTCUSDT"),
        (" btc ", "BTCUSDT"),
        ("BTC", "BTCUSDT"),
        ("BTC/USDT", "BTCUSDT"),
        ("btc/usdt:usdt", "BTCUSDT"),
        ("BTC/USDC", "BTCUSDC"),
        ("BTC/USDC:USDC", "BTCUSDC"),
        ("BTC/USD:BTC", "BTCUSD_PERP"),
        ("btcusd_perp", "BTCUSD_PERP"),
        ("BTC/USDT:USDT-261225", "BTCUSDT_261225"),
        ("BTC/USD:BTC-261225", "BTCUSD_261225"),
        ("btcusdt_261225", "BTCUSDT_261225"),
        ("eth/btc", "ETHBTC"),
        ("pepe", "1000PEPEUSDT"),
        ("1000PEPE", "1000PEPEUSDT"),
        ("pepeusdt", "1000PEPEUSDT"),
        ("PEPE/USDT:USDT", "1000PEPEUSDT"),
        ("babydoge", "1MBABYDOGEUSDT"),
        ("ark", "ARKUSDC"),
        ("币安人生", "币安人生USDT"),
        ("币安人生usdt", "币安人生USDT"),
        ("币安人生/USDT", "币安人生USDT"),
        ("ＢＴＣ", "BTCUSDT"),
    ],
)
def test_each_spelling_finds_the_instrument(text: str, symbol: str) -> None:
    assert find(text, KNOWN) == Instrument("binance", symbol)


@pytest.mark.parametrize("text", ["xrp", "", " ", "BTC/", "BTC/USDT:BTC-", "<b>", "BTC USDT", "DOGE", "B" * 5000])
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    """XRP exists coin-margined only, and that is asked for by its full name."""
    assert find(text, KNOWN) is None


def test_the_same_symbol_on_two_exchanges_means_the_first_by_name() -> None:
    known = (Instrument("bybit", "BTCUSDT"), Instrument("binance", "BTCUSDT"))

    assert find("btc", known) == Instrument("binance", "BTCUSDT")


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("btc", "BTCUSDT"),
        ("BTCUSDT", "BTCUSDT"),
        ("BTC/USDT:USDT", "BTCUSDT"),
        ("BTC/USD:BTC", "BTCUSD_PERP"),
        ("BTCUSD_PERP", "BTCUSD_PERP"),
        ("solusdc", "SOLUSDC"),
        ("币安人生", "币安人生USDT"),
        ("usdt", "USDTUSDT"),
        ("0.8%", None),
        ("<b>", None),
        ("", None),
    ],
)
def test_the_likely_symbol_while_nothing_is_known(text: str, symbol: str | None) -> None:
    assert canonical(text) == symbol


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("BTX", ("BTCUSDT",)),
        ("btcusdd", ("BTCUSDT",)),
        ("peppe", ("1000PEPEUSDT",)),
        ("pep", ("1000PEPEUSDT",)),
        ("xrp", ("XRPUSD_PERP",)),
        ("SOLL/USDT", ("SOLUSDT",)),
        ("qqqqq", ()),
        ("", ()),
    ],
)
def test_the_nearest_known_symbols_one_per_coin(text: str, symbols: tuple[str, ...]) -> None:
    assert tuple(instrument.symbol for instrument in nearest(text, KNOWN)) == symbols


def test_at_most_the_asked_number_of_suggestions() -> None:
    known = on_binance("AAAUSDT", "AABUSDT", "AACUSDT", "AADUSDT")

    assert len(nearest("AA", known, limit=2)) == 2


@given(st.text(max_size=60))
def test_no_text_breaks_the_search(text: str) -> None:
    found = find(text, KNOWN)

    assert found is None or found in KNOWN
    assert set(nearest(text, KNOWN)) <= set(KNOWN)
    assert canonical(text) != ""


@given(st.sampled_from(KNOWN))
def test_every_instrument_is_found_by_its_own_symbol(instrument: Instrument) -> None:
    assert find(instrument.symbol, KNOWN) == instrument
    assert find(instrument.symbol.lower(), KNOWN) == instrument


@pytest.mark.parametrize(
    ("symbol", "count"),
    [
        ("BTCUSDT", 1),
        ("1INCHUSDT", 1),
        ("1000PEPEUSDT", 1_000),
        ("1000000MOGUSDT", 1_000_000),
        ("1MBABYDOGEUSDT", 1_000_000),
    ],
)
def test_a_price_is_of_as_many_coins_as_the_symbol_says(symbol: str, count: int) -> None:
    assert coins_priced(symbol) == count


@given(st.text("ABCDE1", min_size=1, max_size=9), st.text("ABCDE1", min_size=1, max_size=9))
def test_every_name_that_is_half_like_what_was_typed_is_named(typed: str, coin: str) -> None:
    like = coin.startswith(typed) or SequenceMatcher(None, typed, coin, autojunk=False).ratio() >= 0.5

    assert bool(nearest(f"{typed}USDT", {Instrument("binance", f"{coin}USDT")})) is like


def test_a_name_that_nobody_knows_costs_little_more_than_a_known_one() -> None:
    """Whoever asks for it holds up everything else for as long."""
    known = on_binance(*(f"{number:X}USDT" for number in range(10**6, 7 * 10**8, 10**6)))

    def least_s(work: Callable[[], object]) -> float:
        times = []
        for _ in range(5):
            begun = time.process_time()
            work()
            times.append(time.process_time() - begun)
        return min(times)

    found_s = least_s(lambda: find("BTCUSDT", known))
    unknown_s = least_s(lambda: nearest("QWERTYUIOPASDFGHJKLZXCVBNMQWERTYUIOPASDF", known))

    assert unknown_s < 30.0 * found_s
