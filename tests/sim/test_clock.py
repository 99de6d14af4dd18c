from __future__ import annotations

import pytest

from liqalert.sim.clock import ScaledClock


class Machine:
    """A monotonic clock that stands still until it is told."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def test_time_begins_at_the_start_and_runs_at_the_speed() -> None:
    machine = Machine()
    clock = ScaledClock(5_000.0, 60.0, monotonic=machine)

    machine.at = 102.0

    assert clock.now() == 5_120.0


async def test_sleep_is_shorter_by_the_speed() -> None:
    clock = ScaledClock(5_000.0, 1_000.0)

    await clock.sleep_until(5_020.0)

    assert 5_020.0 <= clock.now() < 5_500.0


async def test_past_moment_is_not_waited_for() -> None:
    clock = ScaledClock(5_000.0, 1.0)

    await clock.sleep_until(4_000.0)

    assert clock.now() < 5_000.5


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="give a number above 0"):
        ScaledClock(0.0, speed)
