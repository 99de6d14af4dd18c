from __future__ import annotations

import pytest

from liqalert.web.coinglass.intervals import INTERVALS

MONDAY = 1_699_833_600.0
"""2023-11-13 00:00 UTC."""


@pytest.mark.parametrize(
    ("name", "at", "opened", "next_open"),
    [
        ("1m", MONDAY + 61.5, MONDAY + 60.0, MONDAY + 120.0),
        ("1m", MONDAY + 60.0, MONDAY + 60.0, MONDAY + 60.0),
        ("8h", MONDAY - 1.0, MONDAY - 28_800.0, MONDAY),
        ("1d", MONDAY + 86_399.9, MONDAY, MONDAY + 86_400.0),
        ("1w", MONDAY - 0.001, MONDAY - 604_800.0, MONDAY),
        ("1w", MONDAY, MONDAY, MONDAY),
    ],
)
def test_when_an_interval_opens(name: str, at: float, opened: float, next_open: float) -> None:
    interval = INTERVALS[name]

    assert (interval.opened(at), interval.next_open(at)) == (opened, next_open)
