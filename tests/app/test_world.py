"""How long is waited in a simulated market whose time runs faster."""

from __future__ import annotations

from liqalert.app.world import World
from liqalert.feeds.patience import Patience


def test_in_the_real_world_everything_takes_as_long_as_usual() -> None:
    assert World().patience() == Patience()
    assert World().every(5.0) == 5.0


def test_market_time_passes_faster_but_a_busy_machine_is_no_silent_exchange() -> None:
    quick, hasty = World(speed=2.0).patience(), World(speed=1_000.0).patience()

    assert (quick.silence_s, quick.report_s, quick.lifetime_s, quick.first_lifetime_s) == (2.5, 0.5, 41_400.0, 21_600.0)
    assert (hasty.silence_s, hasty.report_s, hasty.lifetime_s) == (1.0, 0.05, 82.8)
    assert (quick.connect_s, hasty.heartbeat_s) == (10.0, 20.0)
    assert (World(speed=30.0).every(60.0), World(speed=30.0).every(1.0)) == (2.0, 0.05)
