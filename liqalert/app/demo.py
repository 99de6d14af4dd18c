"""`liqalert demo`: the whole daemon, over real sockets, on a market that is made up."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from liqalert.app.lifecycle import serve
from liqalert.app.loop import event_loop_factory, stop_on_signals
from liqalert.app.narrator import Narrator
from liqalert.app.simulate import AddressTaken
from liqalert.app.world import World
from liqalert.clock import SystemClock
from liqalert.settings import Settings
from liqalert.sim import DEFAULT_SEED
from liqalert.sim.clock import ScaledClock
from liqalert.sim.server import SimulatedExchange
from liqalert.sim.sources import seeded_source

BANNER = "SIMULATED MARKET: no price and no liquidation here is real"
USUAL_PORT = 8787


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How to show it."""

    speed: float = 30.0
    """Simulated seconds in one second."""
    seconds: float | None = None
    """How long; None: until Ctrl-C."""
    port: int | None = None
    """Of the page; None: the usual one, or a free one where that is taken."""
    seed: int = DEFAULT_SEED


def demo(options: DemoOptions) -> int:
    """Runs until it is told to stop: 0. Raises AddressTaken."""
    with (
        TemporaryDirectory(prefix="liqalert-demo-") as directory,
        asyncio.Runner(loop_factory=event_loop_factory()) as runner,
    ):
        return runner.run(_show(options, Path(directory)))


async def _show(options: DemoOptions, directory: Path) -> int:
    narrator = Narrator()
    source = seeded_source(options.seed, SystemClock().now())
    # After the market is built, which takes a while: the clock would have run on meanwhile.
    clock = ScaledClock(source.market.now, options.speed)
    exchange = SimulatedExchange(source, clock)
    await exchange.start()
    settings = settings_for(exchange, directory, port=port_for(options.port))
    world = World(clock=clock, environ={}, speed=options.speed, banner=BANNER, observe=narrator.see)
    _say(f"{BANNER}. {options.speed:g} simulated seconds pass in each second.")
    # The last hour: of a day nearly all would be hatched, because nobody has watched it.
    page = f"http://127.0.0.1:{settings.web.port}/#BTCUSDT/1h"
    _say(f"The real liqalert watches it: {page} shows what it knows. Ctrl-C ends it.\n")
    try:
        await serve(settings, world, lambda: _stop_after(options.seconds))
    finally:
        await exchange.stop()
        _say(f"\n{narrator.summary(clock.now() - clock.start)}")
    return 0


def settings_for(exchange: SimulatedExchange, directory: Path, *, port: int) -> Settings:
    """The defaults, but for addresses, a database that is thrown away, and alerts on the terminal."""
    return Settings.model_validate(
        {
            "binance": {"ws_url": exchange.ws_url, "rest_url": exchange.rest_url},
            "database": {"url": f"sqlite+aiosqlite:///{directory / 'liqalert.db'}"},
            "console": {"enabled": True},
            "web": {"port": port},
        }
    )


def port_for(wanted: int | None) -> int:
    """That one, or the usual one, or else any that is free. Raises AddressTaken where the one that is wanted is not."""
    for port in (USUAL_PORT, 0) if wanted is None else (wanted,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            return free
    raise AddressTaken(f"127.0.0.1:{wanted} cannot be listened on: give another --port")


def _stop_after(seconds: float | None) -> asyncio.Event:
    stopping = stop_on_signals()
    if seconds is not None:
        asyncio.get_running_loop().call_later(seconds, stopping.set)
    return stopping


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the demo's own voice on the terminal
