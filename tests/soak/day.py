"""A simulated day and more in minutes: the whole daemon, in this process, on a market that is made up in another."""

from __future__ import annotations

import asyncio
import io
import os
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from liqalert.app.lifecycle import event_loop_factory, serve
from liqalert.app.world import World
from liqalert.settings import Settings
from tests.daemon import free_port
from tests.soak.market import Market, simulated_market
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
    stopping = asyncio.Event()
    with simulated_market(lived.speed) as market:
        settings, clock = _settings(market, directory), market.clock()
        world = World(clock=clock, environ={}, speed=lived.speed, banner="SIMULATED MARKET")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(settings, world, lambda: stopping), name="daemon")
            await _look(f"http://127.0.0.1:{settings.web.port}", seconds, lived)
            lived.simulated_s = clock.now() - clock.start
            stopping.set()
    lived.left_over = tuple(task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task())


def _settings(market: Market, directory: Path) -> Settings:
    return Settings.model_validate(
        {
            "binance": {"ws_url": market.ws_url, "rest_url": market.rest_url},
            "database": {"url": f"sqlite+aiosqlite:///{directory / 'liqalert.db'}"},
            "console": {"enabled": True},
            "web": {"port": free_port()},
        }
    )


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
