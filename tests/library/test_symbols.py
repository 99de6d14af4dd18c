"""Which instruments a script wants, in whatever spelling, before and after it is known which there are."""

from __future__ import annotations

import pytest

from liqalert.core.market import Instrument
from liqalert.library.errors import UnknownSymbolError
from liqalert.library.symbols import Selection, instrument_of, refuse_price_of_one_coin

BTC, ETH, PEPE = (Instrument("binance", symbol) for symbol in ("BTCUSDT", "ETHUSDT", "1000PEPEUSDT"))


@pytest.mark.parametrize("text", ["BTCUSDT", "btc", "BTC/USDT", "BTC/USDT:USDT"])
def test_four_spellings_mean_the_same_whether_or_not_it_is_known(text: str) -> None:
    assert instrument_of(text, frozenset()) == instrument_of(text, frozenset({BTC, ETH})) == BTC


def test_a_coin_that_is_listed_by_the_thousand_is_found_once_it_is_seen() -> None:
    selection = Selection(["btc", "pepe"])
    before = selection.wants(PEPE)
    selection.see([ETH])
    selection.see([PEPE])

    assert (before, selection.wants(PEPE), selection.wants(BTC), selection.wants(ETH)) == (False, True, True, False)


def test_without_names_everything_is_wanted() -> None:
    assert Selection(None).wants(ETH)


@pytest.mark.parametrize(
    ("texts", "others", "covered"),
    [
        (["btc", "pepe"], ["1000PEPEUSDT"], True),
        (["btc"], ["BTC/USDT", "eth"], False),
        (["btc"], None, False),
        (None, ["btc"], True),
        (None, None, True),
    ],
)
def test_what_was_watched_covers_what_is_named_in_another_spelling_and_nothing_more(
    texts: list[str] | None, others: list[str] | None, covered: bool
) -> None:
    selection = Selection(texts)
    selection.see([BTC, PEPE])

    assert selection.covers(Selection(others)) is covered


def test_what_can_be_no_symbol_is_refused_at_once() -> None:
    with pytest.raises(UnknownSymbolError, match=r"'BTC USDT!' is no symbol: give one like BTCUSDT"):
        Selection(["BTC USDT!"])


def test_the_price_of_one_coin_of_a_thousand_is_refused_with_the_one_to_give() -> None:
    with pytest.raises(ValueError, match="priced per") as refused:
        refuse_price_of_one_coin("1000PEPEUSDT", 0.0000123, 0.0125)

    assert str(refused.value) == (
        "price is 1.23e-05, but 1000PEPEUSDT is priced per 1,000 and is at 0.0125: give 0.0123"
    )


@pytest.mark.parametrize(
    ("symbol", "price", "known"),
    [
        ("1000PEPEUSDT", 0.0123, 0.0125),
        ("1000PEPEUSDT", 0.001, 0.0125),
        ("1000PEPEUSDT", 0.0000123, None),
        ("BTCUSDT", 90.0, 90_000.0),
    ],
)
def test_a_price_that_may_be_meant_is_not_refused(symbol: str, price: float, known: float | None) -> None:
    refuse_price_of_one_coin(symbol, price, known)
