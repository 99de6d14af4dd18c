from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqalert.core.market import PositionSide
from liqalert.sim.listings import ASSETS, LISTINGS, Listing
from liqalert.sim.market import Market
from liqalert.sim.positions import Book, liquidation_price, opposite
from liqalert.sim.prices import Price
from tests.sim.rig import START, coin_market, small_market

LINEAR = Listing("AUSDT", "A", "USDT", 2, 3, 1e6, 1e3, 0.004)
COIN = Listing("AUSD_PERP", "A", "USD", 1, 0, 1e6, 1e3, 0.004, contract_usd=100.0)
MARKETS = st.builds(
    lambda build, seed: build(seed), st.sampled_from([small_market, coin_market]), st.integers(0, 2**32)
)


@pytest.mark.parametrize(
    ("listing", "held", "leverage", "expected"),
    [
        (LINEAR, PositionSide.LONG, 20, 95.3815261),
        (LINEAR, PositionSide.SHORT, 20, 104.5816733),
        (LINEAR, PositionSide.LONG, 125, 99.5983936),
        (COIN, PositionSide.LONG, 20, 95.6190476),
        (COIN, PositionSide.SHORT, 20, 104.8421053),
        (COIN, PositionSide.SHORT, 1, math.inf),
    ],
)
def test_liquidation_price(listing: Listing, held: PositionSide, leverage: int, expected: float) -> None:
    assert liquidation_price(listing, held, 100.0, leverage) == pytest.approx(expected, abs=1e-7)


@settings(max_examples=10)
@given(market=MARKETS)
def test_long_and_short_stay_equal(market: Market) -> None:
    for _ in range(60):
        market.step()

        for symbol in market.listings:
            held = {
                side: sum(one.lots for one in market.positions(symbol) if one.held is side) for side in PositionSide
            }
            assert held[PositionSide.LONG] == held[PositionSide.SHORT] > 0
            assert held[PositionSide.LONG] == market.open_lots(symbol, PositionSide.LONG)
            assert held[PositionSide.SHORT] == market.open_lots(symbol, PositionSide.SHORT)


@settings(max_examples=10)
@given(market=MARKETS)
def test_nobody_is_liquidated_without_the_level_crossed_and_nobody_beyond_it_is_left(market: Market) -> None:
    for _ in range(60):
        known = {
            (one.symbol, one.id): one.liquidation_price
            for symbol in market.listings
            for one in market.positions(symbol)
        }
        second = market.step()

        for closing in second.forced:
            position = closing.position
            level = known[position.symbol, position.id]
            assert position.liquidation_price == level
            mark = second.marks[position.symbol]
            assert mark <= level if position.held is PositionSide.LONG else mark >= level
        for symbol, mark in second.marks.items():
            assert not [one for one in market.positions(symbol) if one.crossed(mark)]


def test_closed_position_is_gone() -> None:
    market = small_market()
    closed = {(one.position.symbol, one.position.id) for _ in range(120) for one in market.step().forced}

    assert len(closed) > 20
    assert not [one for symbol in market.listings for one in market.positions(symbol) if (symbol, one.id) in closed]


def _violent(random: Random) -> Sequence[float]:
    """How far the price moved in each second of an hour."""
    market = Market(random, start=START, listings=LISTINGS[3:4], assets=ASSETS[3:4])
    marks = [market.mark_price("1000PEPEUSDT"), *(market.step().marks["1000PEPEUSDT"] for _ in range(3_600))]
    return [math.log(after / before) for before, after in pairwise(marks)]


def test_cascades_are_bounded() -> None:
    moves = _violent(Random(5))

    assert max(abs(move) for move in moves) < 0.01
    assert abs(sum(moves)) < 0.3


def test_there_are_calm_and_violent_stretches() -> None:
    moves = _violent(Random(5))
    minutes = sorted(sum(move * move for move in moves[at : at + 60]) for at in range(0, 3_600, 60))

    assert minutes[-6] > 5 * minutes[6]


def test_forced_order_moves_the_price_its_way() -> None:
    pushed, free = Price(ASSETS[0], START), Price(ASSETS[0], START)

    pushed.push(-4_000_000.0)
    pushed.step(Random(1), START + 1)
    free.step(Random(1), START + 1)

    assert math.log(pushed.value / free.value) == pytest.approx(-0.0005)


def test_one_second_of_forced_orders_moves_the_price_by_at_most_eight_basis_points() -> None:
    pushed, free = Price(ASSETS[0], START), Price(ASSETS[0], START)

    pushed.push(1e12)
    pushed.step(Random(1), START + 1)
    free.step(Random(1), START + 1)

    assert math.log(pushed.value / free.value) == pytest.approx(0.0008)


def test_limit_of_a_forced_order_is_never_better_than_its_fill() -> None:
    market = small_market(2)
    closings = [one for _ in range(300) for one in market.step().forced]

    assert {one.position.held for one in closings} == set(PositionSide)
    for one in closings:
        worse = one.limit_price < one.fill_price
        assert worse if one.position.held is PositionSide.LONG else not worse


def test_part_of_a_position_can_be_closed() -> None:
    book = Book(LINEAR)
    position = book.open(PositionSide.LONG, 10, price=100.0, leverage=10)

    book.close(position, 4)

    assert [(one.lots, one.liquidation_price) for one in book.positions] == [(6, position.liquidation_price)]
    assert book.open_lots[PositionSide.LONG] == 6


def test_nearest_level_is_closed_first() -> None:
    book = Book(LINEAR)
    for leverage in (10, 50, 25):
        book.open(PositionSide.LONG, 1, price=100.0, leverage=leverage)

    leverages = []
    for position in book.crossed(90.0):
        leverages.append(position.leverage)
        book.close(position)

    assert leverages == [50, 25, 10]


def test_true_positions_can_be_asked_for() -> None:
    market = small_market()
    position = market.positions("XAUUSDT")[-1]

    assert position.symbol == "XAUUSDT"
    assert position.liquidation_price == liquidation_price(
        market.listings["XAUUSDT"], position.held, position.entry_price, position.leverage
    )
    assert opposite(position.held) is not position.held


def test_open_interest_stays_near_what_is_aimed_at() -> None:
    market = small_market()
    for _ in range(1_800):
        market.step()

    usd = market.open_interest("牛来USDT") * market.mark_price("牛来USDT")

    assert 3.5e6 < usd < 6.5e6


def test_other_seeds_give_other_markets() -> None:
    first, again, other = (small_market(seed) for seed in (1, 1, 2))

    seconds = [[market.step() for _ in range(30)] for market in (first, again, other)]

    assert seconds[0] == seconds[1]
    assert seconds[0] != seconds[2]
