"""The axes of a picture: round prices and round times, and where they lie."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.render.picture_panel import Panel, moment, price_ticks, time_ticks


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def panel(low: float = 90.0, high: float = 110.0, *, start: float = 0.0, hours: float = 24.0) -> Panel:
    return Panel(10, 100, 910, 600, start, start + hours * 3600.0, math.log(low), math.log(high))


def test_times_run_from_left_to_right_and_prices_from_bottom_to_top() -> None:
    of = panel(1.0, 100.0)

    assert (of.x(0.0), of.x(43_200.0), of.x(86_400.0)) == (10.0, 460.0, 910.0)
    assert (of.y(1.0), of.y(10.0), of.y(100.0)) == (600.0, 350.0, 100.0)


def test_a_price_outside_lies_at_the_nearest_edge() -> None:
    assert (panel().y(1.0), panel().y(1000.0)) == (600.0, 100.0)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (90.0, 110.0, (90.0, 95.0, 100.0, 105.0, 110.0)),
        (57_500.0, 65_900.0, (58_000, 59_000, 60_000, 61_000, 62_000, 63_000, 64_000, 65_000)),
        (0.0105, 0.0135, (0.0105, 0.011, 0.0115, 0.012, 0.0125, 0.013, 0.0135)),
        (1.01e-8, 1.21e-8, (1.05e-8, 1.1e-8, 1.15e-8, 1.2e-8)),
        (100.0, 156.0, (100.0, 110.0, 120.0, 130.0, 140.0, 150.0)),
    ],
)
def test_prices_are_round(low: float, high: float, ticks: tuple[float, ...]) -> None:
    assert price_ticks(panel(low * (1 - 1e-12), high * (1 + 1e-12))) == ticks


@given(st.floats(-9.0, 9.0), st.floats(0.0007, 12.0))
def test_two_to_eight_prices_are_named_and_all_are_inside(power: float, log_span: float) -> None:
    of = Panel(0, 0, 100, 100, 0.0, 1.0, power * math.log(10.0), power * math.log(10.0) + log_span)

    ticks = price_ticks(of)

    assert 2 <= len(ticks) <= 8
    assert list(ticks) == sorted(set(ticks))
    assert of.low * (1 - 1e-9) <= ticks[0]
    assert ticks[-1] <= of.high * (1 + 1e-9)


@pytest.mark.parametrize(
    ("hours", "zone_name", "words"),
    [
        (1, "UTC", ["20:10", "20:20", "20:30", "20:40", "20:50", "21:00"]),
        (4, "UTC", ["20:30", "21:00", "21:30", "22:00", "22:30", "23:00", "23:30", "25 Nov"]),
        (24, "UTC", ["25 Nov", "04:00", "08:00", "12:00", "16:00", "20:00"]),
        (24, "Asia/Kathmandu", ["04:00", "08:00", "12:00", "16:00", "20:00", "26 Nov"]),
        (72, "UTC", ["25 Nov", "12:00", "26 Nov", "12:00", "27 Nov", "12:00"]),
        (168, "America/New_York", ["25 Nov", "26 Nov", "27 Nov", "28 Nov", "29 Nov", "30 Nov", "1 Dec"]),
    ],
)
def test_times_are_round_by_the_clock_of_the_reader(hours: float, zone_name: str, words: list[str]) -> None:
    of = panel(start=at("2026-11-24T20:07:00"), hours=hours)

    assert [word for _, word in time_ticks(of, zone_name)] == words


@pytest.mark.parametrize(
    ("start", "zone_name", "words"),
    [
        ("2026-09-05T20:00:00", "America/Santiago", ["16:00", "20:00", "6 Sep", "04:00", "08:00", "12:00", "16:00"]),
        ("2026-11-01T00:00:00", "America/Havana", ["20:00", "1 Nov", "00:00", "04:00", "08:00", "12:00", "16:00"]),
    ],
)
def test_a_day_is_named_where_it_begins_though_its_midnight_is_left_out_or_comes_twice(
    start: str, zone_name: str, words: list[str]
) -> None:
    """In Santiago clocks went from midnight to 1 on 6 September 2026, in Havana from 1 to midnight on 1 November."""
    of = panel(start=at(start), hours=24.0)

    assert [word for _, word in time_ticks(of, zone_name)] == words


def test_times_stay_round_when_the_clocks_are_changed() -> None:
    """On 25 October 2026 the clocks of Berlin go back an hour at 3."""
    of = panel(start=at("2026-10-24T20:00:00"), hours=24.0)

    ticks = time_ticks(of, "Europe/Berlin")

    assert [word for _, word in ticks] == ["25 Oct", "04:00", "08:00", "12:00", "16:00", "20:00"]
    assert ticks[1][0] - ticks[0][0] == 5 * 3600.0


def test_a_moment_always_names_its_day() -> None:
    assert moment(at("2026-11-24T21:02:59"), "UTC") == "24 Nov 21:02 UTC"
