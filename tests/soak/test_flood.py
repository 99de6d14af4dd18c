"""A hundred times the highest rate ever recorded, for ten seconds. `make soak` does it for minutes, and measures."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.soak.flood import HIGHEST_RECORDED_S, flood_daemon

LINES_OF_A_LIFE = 40
"""A start, an end, and what may change meanwhile."""


@pytest.mark.timeout(240)
async def test_flood_is_written_or_counted_and_the_log_stays_short(tmp_path: Path) -> None:
    found = await flood_daemon(100 * HIGHEST_RECORDED_S, 10.0, tmp_path)

    # On a busy machine some are left out: then they are counted, and nothing else is missing.
    assert found.sent == pytest.approx(64_000, rel=0.01)
    assert found.written + found.left_out == found.sent
    assert found.reconnects == 0
    assert set(found.rejected) <= {"left_out"}
    assert found.probe_delays_s
    assert len(found.log) < LINES_OF_A_LIFE
    assert all(msgspec.json.decode(line)["event"] for line in found.log)
