"""Which of two marks counts."""

from __future__ import annotations

import pytest

from liqalert.core.lateness import comes_late
from liqalert.core.market import Mark
from tests.core.events import BTC, T0

KNOWN = Mark(BTC, 100.0, T0, T0)


@pytest.mark.parametrize(
    ("older_s", "received_s", "late"),
    [
        (1.0, 0.0, True),
        (60.0, 5.0, True),
        (0.0, 1.0, False),
        (-1.0, 1.0, False),
        (3600.0, 1.0, True),
        (1.0, 5.1, False),
        (1.0, -0.1, False),
    ],
    ids=["older", "older by a minute", "as old", "newer", "older by an hour", "nothing since", "received before"],
)
def test_an_older_mark_is_late_for_a_moment(older_s: float, received_s: float, late: bool) -> None:
    assert comes_late(Mark(BTC, 101.0, T0 - older_s, T0 + received_s), KNOWN) is late
