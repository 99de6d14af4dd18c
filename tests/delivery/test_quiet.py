"""Quiet hours by the clock on the trader's wall, on ordinary days and on those when clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from liqalert.delivery.quiet import quiet_until
from liqalert.ports import QuietHours

BERLIN = "Europe/Berlin"
NIGHT = QuietHours(23 * 60, 7 * 60, BERLIN)
ZONES = (BERLIN, "UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now", "until"),
    [
        # Winter: Berlin is UTC+1.
        ("2026-11-23 21:59", None),
        ("2026-11-23 22:00", "2026-11-24 06:00"),
        ("2026-11-23 23:30", "2026-11-24 06:00"),
        ("2026-11-24 05:59", "2026-11-24 06:00"),
        ("2026-11-24 06:00", None),
        ("2026-11-24 12:00", None),
        # Clocks go forward in the night to 29 March: it is an hour shorter.
        ("2026-03-28 21:59", None),
        ("2026-03-28 22:00", "2026-03-29 05:00"),
        ("2026-03-29 04:59", "2026-03-29 05:00"),
        ("2026-03-29 05:00", None),
        # They go back in the night to 25 October: it is an hour longer.
        ("2026-10-24 20:59", None),
        ("2026-10-24 21:00", "2026-10-25 06:00"),
        ("2026-10-25 05:59", "2026-10-25 06:00"),
        ("2026-10-25 06:00", None),
    ],
)
def test_night_in_berlin(now: str, until: str | None) -> None:
    assert quiet_until(NIGHT, at(now)) == (None if until is None else at(until))


@pytest.mark.parametrize(
    ("start", "end", "now", "until"),
    [
        # 02:30 does not exist on 29 March: it counts as the moment of the change, 01:00 UTC.
        (2 * 60 + 30, 7 * 60, "2026-03-29 00:59", None),
        (2 * 60 + 30, 7 * 60, "2026-03-29 01:00", "2026-03-29 05:00"),
        (23 * 60, 2 * 60 + 30, "2026-03-29 00:59", "2026-03-29 01:00"),
        (23 * 60, 2 * 60 + 30, "2026-03-29 01:00", None),
        # 02:30 comes twice on 25 October, at 00:30 and 01:30 UTC: from the first, to the second.
        (2 * 60 + 30, 7 * 60, "2026-10-25 00:29", None),
        (2 * 60 + 30, 7 * 60, "2026-10-25 00:30", "2026-10-25 06:00"),
        (2 * 60 + 30, 7 * 60, "2026-10-25 01:10", "2026-10-25 06:00"),
        (23 * 60, 2 * 60 + 30, "2026-10-25 00:45", "2026-10-25 01:30"),
        (23 * 60, 2 * 60 + 30, "2026-10-25 01:30", None),
    ],
)
def test_hours_that_begin_or_end_in_the_change_itself(start: int, end: int, now: str, until: str | None) -> None:
    assert quiet_until(QuietHours(start, end, BERLIN), at(now)) == (None if until is None else at(until))


def test_hours_within_one_day() -> None:
    siesta = QuietHours(13 * 60, 15 * 60 + 30, "UTC")

    assert quiet_until(siesta, at("2026-11-23 12:59")) is None
    assert quiet_until(siesta, at("2026-11-23 13:00")) == at("2026-11-23 15:30")
    assert quiet_until(siesta, at("2026-11-23 15:30")) is None


def test_equal_start_and_end_are_no_quiet_hours() -> None:
    assert quiet_until(QuietHours(420, 420, "UTC"), at("2026-11-23 07:00")) is None


moments = st.integers(int(at("2024-01-01 00:00")) // 60, int(at("2028-01-01 00:00")) // 60).map(lambda m: m * 60.0)
hours = st.builds(QuietHours, st.integers(0, 1439), st.integers(0, 1439), st.sampled_from(ZONES))


def shown_in(quiet: QuietHours, now: float) -> bool:
    """Whether the clock on the wall shows a time within the hours."""
    local = datetime.fromtimestamp(now, ZoneInfo(quiet.zone_name))
    minute = local.hour * 60 + local.minute
    if quiet.start < quiet.end:
        return quiet.start <= minute < quiet.end
    return quiet.start != quiet.end and (minute >= quiet.start or minute < quiet.end)


@given(hours, moments)
def test_whenever_the_clock_shows_a_time_within_the_hours_it_is_quiet(quiet: QuietHours, now: float) -> None:
    if shown_in(quiet, now):
        assert quiet_until(quiet, now) is not None


@given(hours, moments)
def test_away_from_changes_of_clocks_it_is_quiet_only_then_and_until_the_clock_shows_the_end(
    quiet: QuietHours, now: float
) -> None:
    zone = ZoneInfo(quiet.zone_name)
    offsets = {datetime.fromtimestamp(now + day * 86_400.0, zone).utcoffset() for day in (-2, -1, 0, 1, 2)}
    assume(len(offsets) == 1)

    until = quiet_until(quiet, now)

    assert (until is not None) is shown_in(quiet, now)
    if until is not None:
        end = datetime.fromtimestamp(until, zone)
        assert (end.hour * 60 + end.minute, end.second) == (quiet.end, 0)


@given(hours, moments)
def test_they_end_within_a_day_and_not_before(quiet: QuietHours, now: float) -> None:
    until = quiet_until(quiet, now)

    if until is not None:
        assert now < until <= now + 25 * 3600.0
        assert quiet_until(quiet, until - 1.0) == until
