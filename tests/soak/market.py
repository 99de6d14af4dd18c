"""A simulated exchange in a process of its own, so that only the daemon's memory is measured.

python -m tests.soak.market SPEED: prints where it is and what time it is there, and serves until it is ended.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from liqalert.app.lifecycle import event_loop_factory
from liqalert.clock import SystemClock
from liqalert.sim import DEFAULT_SEED
from liqalert.sim.clock import ScaledClock
from liqalert.sim.server import SimulatedExchange
from liqalert.sim.sources import seeded_source


class Market(msgspec.Struct, frozen=True):
    ws_url: str
    rest_url: str
    now: float
    """The market's time at `monotonic_s` of this machine."""
    monotonic_s: float
    speed: float

    def clock(self) -> ScaledClock:
        """The market's clock, in another process."""
        return ScaledClock(self.now + (time.monotonic() - self.monotonic_s) * self.speed, self.speed)


@contextmanager
def simulated_market(speed: float) -> Iterator[Market]:
    command = [sys.executable, "-m", "tests.soak.market", str(speed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield msgspec.json.decode(process.stdout.readline(), type=Market)
        finally:
            process.kill()


async def _serve(speed: float) -> None:
    source = seeded_source(DEFAULT_SEED, SystemClock().now())
    clock = ScaledClock(source.market.now, speed)
    exchange = SimulatedExchange(source, clock)
    await exchange.start()
    market = Market(exchange.ws_url, exchange.rest_url, clock.now(), time.monotonic(), speed)
    print(msgspec.json.encode(market).decode(), flush=True)
    # Until the process that wanted it ends this one.
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        runner.run(_serve(float(sys.argv[1])))
