"""The shapes of what is served, compared with what Binance was seen to send."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from liqalert.sim.sources import MarketSource, seeded_source
from tests.sim.rig import LIQUIDATIONS, MARKS, START, small_market

PAYLOADS = Path(__file__).parents[1] / "payloads/binance"
NUMBER = r"\d+(\.\d+)?"


def _sample(name: str) -> Any:
    return msgspec.json.decode((PAYLOADS / name).read_bytes())


def _captured_liquidation() -> Mapping[str, Any]:
    lines = (PAYLOADS / "wire_frames_2026.jsonl").read_text().splitlines()
    frames = [msgspec.json.decode(msgspec.json.decode(line)["frame"]) for line in lines]
    found: Mapping[str, Any] = next(frame for frame in frames if frame.get("e") == "forceOrder")
    return found


def _kinds(row: Mapping[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in row.items()}


@pytest.fixture(scope="module")
def source() -> MarketSource:
    """The whole market, after five minutes."""
    return seeded_source(1, START)


@pytest.fixture(scope="module")
def pushed(source: MarketSource) -> Mapping[str, list[list[Any]]]:
    """By stream: for each second, the messages in it."""
    streams: dict[str, list[list[Any]]] = defaultdict(list)
    for second in range(300):
        for frame in source.take():
            for stream in frame.streams:
                rows = streams[stream]
                rows += [[] for _ in range(second + 1 - len(rows))]
                rows[second].append(msgspec.json.decode(frame.content))
    return streams


def _liquidations(pushed: Mapping[str, list[list[Any]]]) -> list[Any]:
    return [message for second in pushed[LIQUIDATIONS] for message in second]


def test_liquidation_has_the_fields_of_a_captured_one(pushed: Mapping[str, list[list[Any]]]) -> None:
    captured = _captured_liquidation()

    for message in _liquidations(pushed):
        assert _kinds(message) == _kinds(captured)
        assert _kinds(message["o"]) == _kinds(captured["o"])


def test_mark_has_the_fields_of_a_captured_one(pushed: Mapping[str, list[list[Any]]]) -> None:
    captured = _kinds(_sample("mark_price_captured_2026.json")) | {"E": int}

    for second in pushed[MARKS]:
        for table in second:
            for row in table:
                assert _kinds(row) == captured


def test_marks_come_every_second_in_two_frames_that_share_no_symbol(pushed: Mapping[str, list[list[Any]]]) -> None:
    assert len(pushed[MARKS]) == 300
    for second in pushed[MARKS]:
        symbols = [{row["s"] for row in table} for table in second]
        assert symbols == [{"BTCUSDT", "ETHUSDT", "SOLUSDT", "1000PEPEUSDT", "牛来USDT"}, {"XAUUSDT"}]


def test_slow_marks_come_every_third_second(pushed: Mapping[str, list[list[Any]]]) -> None:
    assert sum(bool(second) for second in pushed["!markPrice@arr"]) == 100
    assert sum(bool(second) for second in pushed["btcusdt@markPrice"]) == 100
    assert sum(bool(second) for second in pushed["btcusdt@markPrice@1s"]) == 300


def test_two_liquidations_of_a_symbol_are_at_least_a_second_apart(pushed: Mapping[str, list[list[Any]]]) -> None:
    times = defaultdict(list)
    for message in _liquidations(pushed):
        times[message["o"]["s"]].append(message["o"]["T"])

    assert len(times["BTCUSDT"]) > 20
    for traded in times.values():
        assert min(after - before for before, after in pairwise(traded)) >= 1_000


def test_liquidation_is_sent_about_a_second_after_the_trade(pushed: Mapping[str, list[list[Any]]]) -> None:
    for second, messages in enumerate(pushed[LIQUIDATIONS], start=1):
        for message in messages:
            assert 935 <= message["E"] - message["o"]["T"] <= 1_010
            assert message["E"] <= (START + second) * 1_000


def test_coin_margined_liquidations_are_whole_contracts_of_market_two(pushed: Mapping[str, list[list[Any]]]) -> None:
    orders = [one["o"] for one in _liquidations(pushed) if one["o"]["s"] == "BTCUSD_PERP"]

    assert orders
    assert {(order["st"], order["ps"]) for order in orders} == {(2, "BTCUSD")}
    assert all(order["z"].isdigit() for order in orders)


def test_single_symbol_stream_has_that_symbol_only(pushed: Mapping[str, list[list[Any]]]) -> None:
    alone = [message for second in pushed["牛来usdt@forceOrder"] for message in second]

    assert alone == [message for message in _liquidations(pushed) if message["o"]["s"] == "牛来USDT"]


def test_only_the_largest_of_a_second_is_reported() -> None:
    source = MarketSource(small_market(4))
    reported, forced = 0, 0
    for _ in range(120):
        reported += sum(LIQUIDATIONS in frame.streams for frame in source.take())
    twin = small_market(4)
    forced = sum(len(twin.step().forced) for _ in range(120))

    assert 10 < reported < forced


def test_same_seed_gives_the_same_frames_byte_for_byte() -> None:
    sources = [MarketSource(small_market(seed)) for seed in (7, 7, 8)]

    frames = [[frame.content for _ in range(60) for frame in source.take()] for source in sources]

    assert frames[0] == frames[1]
    assert frames[0] != frames[2]


# ---------------------------------------------------------------- REST


def _ask(source: MarketSource, path: str, **query: str) -> Any:
    return msgspec.json.decode(source.answer(path, query))


@pytest.mark.parametrize(
    ("path", "sample"),
    [("/fapi/v1/exchangeInfo", "rest_exchange_info.json"), ("/dapi/v1/exchangeInfo", "coin_rest_exchange_info.json")],
)
def test_instruments_have_the_fields_of_binance(source: MarketSource, path: str, sample: str) -> None:
    answer, wanted = _ask(source, path), _sample(sample)
    ours, theirs = answer["symbols"][0], wanted["symbols"][0]

    assert wanted.keys() <= answer.keys()
    # COIN-M's sample spells it OrderType, its newer answers orderType.
    assert theirs.keys() - ours.keys() <= {"OrderType"}
    assert [one["filterType"] for one in ours["filters"]][:3] == ["PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE"]
    assert all(filter_.keys() for filter_ in ours["filters"])


def test_tick_sizes_are_written_out(source: MarketSource) -> None:
    rows = {row["symbol"]: row for row in _ask(source, "/fapi/v1/exchangeInfo")["symbols"]}

    assert rows["1000PEPEUSDT"]["filters"][0]["tickSize"] == "0.0000001"
    assert rows["BTCUSDT"]["filters"][1]["stepSize"] == "0.001"
    assert rows["1000PEPEUSDT"]["filters"][1]["stepSize"] == "1"


def test_open_interest_is_what_the_book_holds(source: MarketSource) -> None:
    answer = _ask(source, "/fapi/v1/openInterest", symbol="BTCUSDT")

    assert _kinds(answer) == _kinds(_sample("rest_open_interest.json"))
    assert float(answer["openInterest"]) == source.market.open_interest("BTCUSDT")


def test_coin_margined_open_interest_counts_contracts(source: MarketSource) -> None:
    answer = _ask(source, "/dapi/v1/openInterest", symbol="BTCUSD_PERP")

    assert _kinds(answer) == _kinds(_sample("coin_rest_open_interest.json"))
    assert answer["openInterest"].isdigit()


def test_open_interest_history_comes_by_symbol_or_by_pair(source: MarketSource) -> None:
    linear = _ask(source, "/futures/data/openInterestHist", symbol="BTCUSDT", period="5m", limit="3")
    coin = _ask(source, "/futures/data/openInterestHist", pair="BTCUSD", contractType="PERPETUAL", period="1h")

    assert [row["timestamp"] % 300_000 for row in linear] == [0, 0, 0]
    assert linear[0].keys() >= {"symbol", "sumOpenInterest", "sumOpenInterestValue", "CMCCirculatingSupply"}
    assert coin[0].keys() >= {"pair", "contractType", "sumOpenInterest", "sumOpenInterestValue"}
    assert 20 <= len(coin) <= 30


def test_klines_are_rows_of_twelve_without_a_hole(source: MarketSource) -> None:
    rows = _ask(source, "/fapi/v1/klines", symbol="BTCUSDT", interval="5m", limit="100")

    kinds = [int, str, str, str, str, str, int, str, int, str, str, str]
    assert [[type(value) for value in row] for row in rows] == [kinds] * 100
    assert {after[0] - before[0] for before, after in pairwise(rows)} == {300_000}
    for row in rows:
        opened, high, low, close = (float(text) for text in row[1:5])
        assert low <= min(opened, close) <= max(opened, close) <= high


def test_newest_candle_closes_at_the_mark(source: MarketSource) -> None:
    row = _ask(source, "/fapi/v1/klines", symbol="BTCUSDT", interval="1m", limit="1")[0]

    assert float(row[4]) == pytest.approx(source.market.mark_price("BTCUSDT"), abs=0.01)


def test_premium_index_is_an_object_for_a_symbol_and_a_list_without(source: MarketSource) -> None:
    one = _ask(source, "/fapi/v1/premiumIndex", symbol="牛来USDT")
    everything = _ask(source, "/fapi/v1/premiumIndex")
    coin = _ask(source, "/dapi/v1/premiumIndex", symbol="BTCUSD_PERP")

    wanted = {"symbol", "markPrice", "indexPrice", "estimatedSettlePrice", "lastFundingRate", "interestRate"}
    assert one.keys() == wanted | {"nextFundingTime", "time"}
    assert len(everything) == 6
    assert coin[0].keys() == one.keys() | {"pair"}
