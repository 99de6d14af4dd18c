from __future__ import annotations

import pytest

from liqalert.delivery.routing import Loudness, loudness
from tests.fakes import recipient


@pytest.mark.parametrize(
    ("setting", "muted_until", "expected"),
    [
        ("loud", None, Loudness.LOUD),
        ("silent", None, Loudness.SILENT),
        ("off", None, Loudness.OFF),
        ("loud", 1000.5, Loudness.OFF),
        ("loud", 1000.0, Loudness.LOUD),
        ("silent", 999.0, Loudness.SILENT),
        ("off", 999.0, Loudness.OFF),
    ],
)
def test_loudness_at_1000_s(setting: str, muted_until: float | None, expected: Loudness) -> None:
    assert loudness(recipient(1, loudness=setting, muted_until=muted_until), 1000.0) is expected
