"""A simulated day and a half in minutes: the whole daemon on a market that is made up, in this process."""

from __future__ import annotations

import asyncio
import io
import os
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from liqalert.app.demo import settings_for
from liqalert.app.lifecycle import event_loop_factory, serve
from liqalert.app.world import World
from liqalert.clock import SystemClock
from liqalert.sim import DEFAULT_SEED
from liqalert.sim.clock import ScaledClock
from liqalert.sim.server import SimulatedExchange
from liqalert.sim.sources import seeded_source
from tests.daemon import free_port
from tests.soak.process import Vitals, vitals

LOOK_EVERY_S = 1.0
QUESTIONS = ("/api/v1/clusters", "/api/v1/heatmap/BTCUSDT?range=24h", "/api/v1/alerts", "/metrics")
"""Asked again and again, as an open page and a scraper do."""


@dataclass(slots=True)
class Lived:
    """What was seen, at one moment after the other."""

    speed: float
    simulated_s: float = 0.0
    vitals: list[Vitals] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)
    left_over: tuple[str, ...] = ()
    """Tasks that outlived the daemon."""
    answered: int = 0
    refused: list[str] = field(default_factory=list)
    """Questions that were not, and why."""
    gaps: int = 0
    said: str = ""
    """On the terminal, where alerts go."""


def live(directory: Path, *, seconds: float, speed: float) -> Lived:
    """Runs for `seconds`, in which `speed` times as many are simulated."""
    lived = Lived(speed)
    told = io.StringIO()
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner, redirect_stdout(told):
        runner.run(_live(directory, seconds, lived))
    lived.said = told.getvalue()
    return lived


async def _live(directory: Path, seconds: float, lived: Lived) -> None:
    source = seeded_source(DEFAULT_SEED, SystemClock().now())
    clock = ScaledClock(source.market.now, lived.speed)
    exchange = SimulatedExchange(source, clock)
    await exchange.start()
    settings = settings_for(exchange, directory, port=free_port())
    world = World(clock=clock, environ={}, speed=lived.speed, banner="SIMULATED MARKET")
    stopping = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(settings, world, lambda: stopping), name="daemon")
            await _look(f"http://127.0.0.1:{settings.web.port}", seconds, lived)
            lived.simulated_s = clock.now() - clock.start
            stopping.set()
    finally:
        await exchange.stop()
    lived.left_over = tuple(task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task())


async def _look(base: str, seconds: float, lived: Lived) -> None:
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession(base, timeout=aiohttp.ClientTimeout(20)) as session:
        await _until_known(session)
        until, number = loop.time() + seconds, 0
        while loop.time() < until:
            await asyncio.sleep(LOOK_EVERY_S)
            await _ask(session, QUESTIONS[number % len(QUESTIONS)], lived)
            number += 1
            lived.vitals.append(vitals(os.getpid(), loop.time()))
            lived.tasks.append(len(asyncio.all_tasks()))
        async with session.get("/api/v1/feeds") as answer:
            lived.gaps = len((await answer.json())["feeds"][0]["gaps"])


async def _until_known(session: aiohttp.ClientSession) -> None:
    """Until the first tick has seen marks."""
    async with asyncio.timeout(60):
        while True:
            try:
                async with session.get("/api/v1/clusters/BTCUSDT") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass  # not listening yet
            await asyncio.sleep(0.2)


async def _ask(session: aiohttp.ClientSession, path: str, lived: Lived) -> None:
    try:
        async with session.get(path) as answer:
            body = await answer.text()
            if answer.status == 200:
                lived.answered += 1
            else:
                lived.refused.append(f"{path}: {answer.status} {body}")
    except (aiohttp.ClientError, TimeoutError) as exc:
        lived.refused.append(f"{path}: {exc!r}")
