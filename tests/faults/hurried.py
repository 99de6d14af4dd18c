"""The whole daemon in a world whose time runs faster, as `liqalert demo` does it; settings from the environment.

python -m tests.faults.hurried, with HURRIED_START (the world's time at a moment of time.monotonic(), two numbers),
HURRIED_SPEED, and HURRIED_LIVES (seconds that the first connection lives, and each after it).
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass, replace

from liqalert.app.lifecycle import event_loop_factory, serve
from liqalert.app.world import World
from liqalert.cli.options import configure_logs
from liqalert.feeds.backoff import Backoff
from liqalert.feeds.patience import Patience
from liqalert.settings import load_settings
from liqalert.sim.clock import ScaledClock


@dataclass(frozen=True)
class HurriedWorld(World):
    """Also waits less for an exchange that refuses, and where told so lets connections live shorter."""

    lives_s: tuple[float, float] | None = None

    def patience(self) -> Patience:
        usual = World.patience(self)
        backoff = Backoff()
        hurried = replace(
            usual,
            # A busy machine is no silent exchange, and silence has cases of its own.
            silence_s=Patience().silence_s,
            backoff=replace(
                backoff,
                refused_first_s=backoff.refused_first_s / self.speed,
                refused_cap_s=backoff.refused_cap_s / self.speed,
            ),
        )
        if self.lives_s is None:
            return hurried
        return replace(hurried, first_lifetime_s=self.lives_s[0], lifetime_s=self.lives_s[1])


def main() -> None:
    """As long as SIGTERM does not end it."""
    settings = load_settings(None, os.environ)
    configure_logs(settings)
    speed = float(os.environ["HURRIED_SPEED"])
    start, begun = map(float, os.environ["HURRIED_START"].split())
    lives = tuple(map(float, os.environ.get("HURRIED_LIVES", "").split()))
    clock = ScaledClock(start + (time.monotonic() - begun) * speed, speed)
    world = HurriedWorld(clock=clock, speed=speed, lives_s=(lives[0], lives[1]) if lives else None)
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        runner.run(serve(settings, world, _stop_on_signal))


def _stop_on_signal() -> asyncio.Event:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    return stopping


if __name__ == "__main__":
    main()
