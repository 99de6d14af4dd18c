"""Contracts that end are named, with the day."""

from __future__ import annotations

import msgspec
import pytest

from liqalert.feeds.binance_listings import ending, read_listings

NOW = 1_795_392_000.0
NEVER_MS = 4_133_404_800_000


def listed(**fields: object) -> str | None:
    row = {"symbol": "BTCUSDT", "status": "TRADING", "contractType": "PERPETUAL", "deliveryDate": NEVER_MS} | fields
    listings = read_listings(msgspec.json.encode({"symbols": [{"broken": 1}, row]}))
    return ending("BTCUSDT", listings.get("BTCUSDT"), NOW)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"status": "PENDING_TRADING"},
        {"contractType": "CURRENT_QUARTER", "deliveryDate": 1_796_000_000_000},
        {"status": "", "contractStatus": "TRADING"},
    ],
)
def test_a_contract_that_trades_is_no_news(fields: dict[str, object]) -> None:
    assert listed(**fields) is None


def test_a_perpetual_with_a_delivery_date_is_about_to_be_delisted() -> None:
    sentence = listed(deliveryDate=1_795_950_000_000)

    assert sentence is not None
    assert sentence.startswith("Binance ends BTCUSDT on 29 November 2026, 11:00 UTC")


@pytest.mark.parametrize("field", ["status", "contractStatus"])
def test_a_contract_that_does_not_trade_is_named_with_its_status(field: str) -> None:
    sentence = listed(**({"status": ""} | {field: "SETTLING"}))

    assert sentence == (
        "Binance says that BTCUSDT does not trade (status SETTLING): expect no marks and no liquidations."
    )


def test_of_a_contract_that_is_not_listed_nothing_is_claimed_that_the_list_does_not_say() -> None:
    assert ending("LUNAUSDT", None, NOW) == (
        "Binance does not list LUNAUSDT: it was delisted, has another name, or never had this one. Rules for it "
        "can tell nothing (/unwatch)."
    )


def test_what_may_be_meant_is_asked() -> None:
    assert ending("BTCUSTD", None, NOW, meant="BTCUSDT") == (
        "Binance does not list BTCUSTD: is it BTCUSDT? Rules for it can tell nothing (/unwatch)."
    )


def test_an_answer_that_is_none_lists_nothing() -> None:
    assert read_listings(b"{") == {}
