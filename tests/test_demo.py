"""Whoever finds liqalert sees it work: `liqalert demo` as a process, over its own sockets."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp

from tests.daemon import free_port

SOON_S = 60.0
"""Fifteen seconds where nothing else runs, and thirty are promised; here three other tests run on two processors."""
BANNER = "SIMULATED MARKET: no price and no liquidation here is real"


async def started(directory: Path, *arguments: str) -> asyncio.subprocess.Process:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("LIQALERT_", "PYTHONDONT"))}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "liqalert",
        "demo",
        *arguments,
        cwd=directory,
        env=environ | {"PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def until_alert(demo: asyncio.subprocess.Process) -> list[str]:
    """What it prints up to and including the first alert."""
    assert demo.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(SOON_S):
        while not lines or "from a cluster of liquidated" not in lines[-1]:
            lines.append((await demo.stdout.readline()).decode().rstrip())
    return lines


async def test_the_first_alert_comes_soon_and_every_screen_says_that_it_is_simulated(tmp_path: Path) -> None:
    port = free_port()
    demo = await started(tmp_path, "--port", str(port))
    lines = await until_alert(demo)
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/api/v1/alerts") as answer:
        alerts = (await answer.json())["alerts"]
        notice = answer.headers["X-Liqalert-Notice"]
    demo.send_signal(signal.SIGINT)
    out, errors = await asyncio.wait_for(demo.communicate(), 60)

    assert lines[0].startswith(BANNER)
    assert lines[-2] == BANNER
    assert notice == BANNER
    assert {alert["kind"] for alert in alerts} <= {"near", "cascade"}
    assert [alert["kind"] for alert in alerts].count("near") == 1
    assert "None of it was real." in out.decode()
    assert demo.returncode == 0
    assert errors == b""


async def test_for_some_seconds_it_ends_by_itself_with_a_summary_and_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = await started(tmp_path, "--for", "3", "--port", str(free_port()))
    out, errors = await asyncio.wait_for(demo.communicate(), 60)

    assert demo.returncode == 0
    assert "min of simulated market: " in out.decode()
    assert errors == b""
    assert list(tmp_path.iterdir()) == []


async def test_a_port_that_is_taken_or_none_is_refused_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for wanted, said, code in ((port, f"127.0.0.1:{port} cannot be listened on", 1), (99999, "is no port", 2)):
            demo = await started(tmp_path, "--port", str(wanted))
            out, errors = await asyncio.wait_for(demo.communicate(), 60)

            assert (demo.returncode, said in errors.decode(), "Traceback" in errors.decode()) == (code, True, False)
            assert b"watches it" not in out
