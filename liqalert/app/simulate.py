"""`liqalert simulate`: the simulated exchange alone, for any client of Binance."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from liqalert.app.loop import stop_on_signals
from liqalert.clock import SystemClock
from liqalert.core.market import UnixTime
from liqalert.sim.clock import ScaledClock
from liqalert.sim.playback import Playback, holds_frames, read_recorded
from liqalert.sim.server import SimulatedExchange
from liqalert.sim.sources import Source, seeded_source


class NothingRecorded(Exception):
    """The files that were given hold no frame."""


class AddressTaken(Exception):
    """The port that was asked for cannot be listened on."""


def simulate(*, port: int, seed: int, speed: float, recordings: Sequence[Path], faults: bool) -> int:
    """Serves until Ctrl-C, SIGTERM or the end of `recordings`. Raises AddressTaken, NothingRecorded."""
    return asyncio.run(_simulate(port, seed, speed, recordings, faults=faults))


async def _simulate(port: int, seed: int, speed: float, recordings: Sequence[Path], *, faults: bool) -> int:
    start = SystemClock().now()
    source = _source(start, seed, recordings)
    exchange = SimulatedExchange(source, ScaledClock(start, speed), control=faults)
    try:
        await exchange.start(port)
    except OSError as exc:
        raise AddressTaken(f"127.0.0.1:{port} cannot be listened on ({exc.strerror}): give another --port") from None
    _say(_welcome(exchange, seed, speed, recordings, faults=faults))
    try:
        await _until_signal_or_end(exchange)
    finally:
        await exchange.stop()
    _say("stopped")
    return 0


def _source(start: UnixTime, seed: int, recordings: Sequence[Path]) -> Source:
    if recordings:
        if not holds_frames(recordings):
            named = ", ".join(str(path) for path in recordings)
            raise NothingRecorded(f"{named}: no frame in it; give recordings, or exchange messages one a line")
        return Playback(read_recorded(recordings), start=start)
    return seeded_source(seed, start)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # who reads it through a pipe is waiting for the addresses


def _welcome(exchange: SimulatedExchange, seed: int, speed: float, recordings: Sequence[Path], *, faults: bool) -> str:
    """What it is, where it is, and how to point liqalert at it."""
    told = [f"a SIMULATED market, seed {seed}: no price here is real"]
    if recordings:
        told = [f"a recording, with its times moved to now: {', '.join(str(path) for path in recordings)}"]
    told += [
        f"WebSocket  {exchange.ws_url}",
        f"REST       {exchange.rest_url}",
        "",
        "for liqalert:",
        f"  export LIQALERT_BINANCE__WS_URL={exchange.ws_url}",
        f"  export LIQALERT_BINANCE__REST_URL={exchange.rest_url}",
        "",
    ]
    if speed != 1.0:
        told += [
            f"time runs at {speed:g} times its usual rate: a client that compares times with its own clock, as",
            "`liqalert run` does, needs one that does the same; `liqalert demo` has it",
        ]
    if faults:
        told += [f"faults: POST {exchange.rest_url}/control/faults with " + '{"fault": "stall", "for_s": 10}']
    return "\n".join([*told, "Ctrl-C ends it"])


async def _until_signal_or_end(exchange: SimulatedExchange) -> None:
    waits = [
        asyncio.create_task(stop_on_signals().wait(), name="signal"),
        asyncio.create_task(exchange.until_ended(), name="end"),
    ]
    # No timeout: this is the wait for the end.
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
