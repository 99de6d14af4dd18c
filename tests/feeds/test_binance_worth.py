"""What a liquidation and open interest are worth in US dollars: contracts, quotes, and what REST teaches."""

from __future__ import annotations

import pytest

from liqalert.core.market import Instrument
from liqalert.feeds.binance import BinanceParser, parse_mark_price, parse_open_interest
from liqalert.feeds.binance_tables import UnexpectedAnswer
from liqalert.ports import ParsedFrame
from tests.feeds.frames import NOW, coin_info, liquidation_frame, mark_frame, parse

# ---------------------------------------------------------------- COIN-M


@pytest.mark.parametrize(
    "frame",
    [
        liquidation_frame(s="BTCUSD_PERP", st=2, ps="BTCUSD", ap="50000", z="5"),
        liquidation_frame(s="BTCUSD_PERP", without=("st", "ps"), top={"st": 2, "ps": "BTCUSD"}, ap="50000", z="5"),
        liquidation_frame(s="BTCUSD_PERP", without=("st",), ap="50000", z="5"),
        liquidation_frame(s="BTCUSD_PERP", st=1, top={"st": 2}, ap="50000", z="5"),
    ],
    ids=["inside", "top level", "nowhere, but its size is known", "contradictory"],
)
def test_contracts_are_worth_their_size_and_not_their_price(frame: bytes) -> None:
    [liquidation] = parse(frame, BinanceParser(contracts={"BTCUSD_PERP": 100.0})).liquidations

    assert (liquidation.notional_usd, liquidation.quantity, liquidation.price) == (500.0, 0.01, 50000.0)


def test_contract_of_unknown_size_is_refused_and_wanted_until_learned() -> None:
    parser = BinanceParser()
    frame = liquidation_frame(s="BTCUSD_270326", st=2, ps="BTCUSD")

    assert parse(frame, parser) == ParsedFrame(rejected=("contract_size_unknown",))
    assert parser.wanted == ("BTCUSD_270326",)

    parser.learn("coin_exchangeInfo", coin_info(BTCUSD_270326="100"))

    assert parser.wanted == ()
    assert [item.notional_usd for item in parse(frame, parser).liquidations] == [200.0]


def test_size_of_another_contract_of_the_pair_is_not_used() -> None:
    parser = BinanceParser(contracts={"BTCUSD_PERP": 100.0})

    assert parse(liquidation_frame(s="BTCUSD_270326", st=2), parser).rejected == ("contract_size_unknown",)


def test_old_frame_without_market_is_not_multiplied_when_its_symbol_is_coin_margined() -> None:
    for symbol in ("BTCUSD_200925", "BNBUSD_PERP"):
        assert parse(liquidation_frame(s=symbol, without=("st", "ps"))).rejected == ("contract_size_unknown",)


@pytest.mark.parametrize(("inside", "outside"), [(3, 0), (-1, 0), (1, -1), (2, 7)])
def test_unknown_market_is_refused_wherever_it_stands(inside: int, outside: int) -> None:
    frame = liquidation_frame(st=inside, top={"st": outside})

    assert parse(frame) == ParsedFrame(rejected=("unknown_market",))


# ---------------------------------------------------------------- quotes


def test_other_quote_is_converted_with_its_newest_mark() -> None:
    parser = BinanceParser()
    parse(mark_frame({"p": "50000"}), parser)
    parse(mark_frame({"p": "60000"}), parser)

    [liquidation] = parse(liquidation_frame(s="ETHBTC", ap="0.05", z="2"), parser).liquidations

    assert (liquidation.price, liquidation.quantity, liquidation.notional_usd) == (0.05, 2.0, 6000.0)


def test_other_quote_without_a_mark_is_refused() -> None:
    assert parse(liquidation_frame(s="ETHBTC")) == ParsedFrame(rejected=("quote_unknown",))


def test_unreadable_quote_has_no_price_whatever_symbols_there_are() -> None:
    parser = BinanceParser()
    parse(mark_frame({"s": "NoneUSDT", "p": "77"}), parser)

    assert parse(liquidation_frame(s="ABCXYZ"), parser) == ParsedFrame(rejected=("quote_unknown",))


def test_unreadable_quote_is_wanted_and_then_learned() -> None:
    parser = BinanceParser()
    frame = liquidation_frame(s="ABCXYZ")

    assert parse(frame, parser) == ParsedFrame(rejected=("quote_unknown",))
    assert parser.wanted == ("ABCXYZ",)

    parser.learn("exchangeInfo", b'{"symbols": [{"symbol": "ABCXYZ", "quoteAsset": "USDT"}]}')

    assert [item.notional_usd for item in parse(frame, parser).liquidations] == [200.0]


def test_learned_quote_overrules_the_end_of_the_symbol() -> None:
    parser = BinanceParser(quotes={"FOOUSDT": "EUR"})

    assert parse(liquidation_frame(s="FOOUSDT"), parser).rejected == ("quote_unknown",)


def test_hostile_symbols_cannot_fill_the_list_of_wanted_ones() -> None:
    parser = BinanceParser()
    for number in range(1_100):
        parse(liquidation_frame(s=f"A{number}", st=2), parser)

    assert len(parser.wanted) == 1_000


# ---------------------------------------------------------------- answers


def test_broken_instrument_does_not_cost_the_others() -> None:
    parser = BinanceParser()

    parser.learn("coin_exchangeInfo", coin_info(A=-1, B="x", BTCUSD_PERP=100, C=None))

    assert parser.contracts == {"BTCUSD_PERP": 100.0}


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"<html>", b"\xff", b"[" * 100_000])
def test_answer_that_is_no_list_of_instruments_is_reported(payload: bytes) -> None:
    with pytest.raises(UnexpectedAnswer, match="exchangeInfo"):
        BinanceParser().learn("exchangeInfo", payload)


def test_unknown_kind_of_answer_is_reported() -> None:
    with pytest.raises(UnexpectedAnswer, match="klines"):
        BinanceParser().learn("klines", b'{"symbols": []}')


# ---------------------------------------------------------------- open interest

BTC = Instrument("binance", "BTCUSDT")


def test_open_interest_in_base_units_is_worth_the_mark() -> None:
    payload = b'{"openInterest":"10659.509","symbol":"BTCUSDT","time":1589437530011}'

    interest = parse_open_interest(payload, BTC, mark_price=10_000.0, contract_size=None, now=NOW)

    assert interest is not None
    assert (interest.instrument, interest.usd, interest.at) == (BTC, 106_595_090.0, 1589437530.011)


def test_open_interest_in_contracts_is_worth_their_size() -> None:
    coin = Instrument("binance", "BTCUSD_200626")
    payload = b'{"symbol":"BTCUSD_200626","pair":"BTCUSD","openInterest":"15004","contractType":"CURRENT_QUARTER"}'

    interest = parse_open_interest(payload, coin, mark_price=None, contract_size=100.0, now=NOW)

    assert interest is not None
    assert (interest.usd, interest.at) == (1_500_400.0, NOW)


@pytest.mark.parametrize(
    ("payload", "mark_price"),
    [
        (b'{"openInterest":"1","symbol":"BTCUSDT"}', None),
        (b'{"openInterest":"1","symbol":"ETHUSDT"}', 1.0),
        (b'{"openInterest":"nan","symbol":"BTCUSDT"}', 1.0),
        (b'{"code":-1121}', 1.0),
        (b"", 1.0),
    ],
)
def test_open_interest_that_cannot_be_used_is_none(payload: bytes, mark_price: float | None) -> None:
    assert parse_open_interest(payload, BTC, mark_price=mark_price, contract_size=None, now=NOW) is None


@pytest.mark.parametrize(
    ("payload", "price"),
    [
        (b'{"symbol":"BTCUSDT","markPrice":"11029.69574559","time":1596094042000}', 11029.69574559),
        (b'{"symbol":"ETHUSDT","markPrice":"3000"}', None),
        (b'{"symbol":"BTCUSDT","markPrice":"0"}', None),
        (b"[]", None),
    ],
)
def test_mark_price_is_that_of_the_symbol_asked_for(payload: bytes, price: float | None) -> None:
    assert parse_mark_price(payload, "BTCUSDT") == price
