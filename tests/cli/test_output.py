"""Outputs that are full, gone or missing, and terminals that are not UTF-8: the commands as processes."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from liqalert.clock import SystemClock
from liqalert.core.episodes import ZoneOpened
from liqalert.core.market import Instrument
from liqalert.storage.alerts import AlertStore
from liqalert.storage.database import Database
from liqalert.storage.schema import migrate
from tests.changing import replace
from tests.storage import objects

BULL = Instrument("binance", "牛来USDT")


@pytest.fixture
async def database(empty_place: Path) -> None:
    """One alert, and a zone of a contract whose name is Chinese."""
    async with Database("sqlite+aiosqlite:///liqalert.db") as database:
        await migrate(database)
        # Too old a zone is not listed.
        bull = replace(objects.zone("z2"), instrument=BULL, peak_at=SystemClock().now())
        await AlertStore(database).record(
            [ZoneOpened(objects.zone(), objects.T0), ZoneOpened(bull, objects.T0), objects.armed(), objects.near()]
        )


def ended(line: str, redirection: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """`liqalert LINE REDIRECTION`, as a shell runs it."""
    command = f"{shlex.quote(sys.executable)} -m liqalert {line} {redirection}"
    return subprocess.run(
        command,
        shell=True,
        executable="/bin/bash",
        env={**os.environ, **environ},
        capture_output=True,
        encoding="iso-8859-1",
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("line", ["check", "demo --for 1", "simulate --port 0", "db current"])
def test_full_disk_behind_the_output_is_one_sentence_and_exit_code_1(line: str, unbuffered: str) -> None:
    told = ended(line, "> /dev/full", PYTHONUNBUFFERED=unbuffered)

    assert (told.returncode, told.stderr) == (
        1,
        "liqalert: the output cannot be written: No space left on device\n",
    )


def test_missing_output_is_one_sentence_and_exit_code_1() -> None:
    told = ended("check", ">&-")

    assert (told.returncode, told.stderr) == (
        1,
        "liqalert: there is no standard output: send it to a file, or to /dev/null\n",
    )


def test_demo_whose_reader_has_gone_ends_quietly() -> None:
    told = ended("demo --for 1", "| head -1")

    assert told.stdout.startswith("SIMULATED MARKET")
    assert told.stderr == ""


async def test_terminal_that_is_not_utf_8_gets_escapes_for_what_it_cannot_show(database: None) -> None:
    why = await asyncio.to_thread(ended, "why a1", PYTHONIOENCODING="iso-8859-1")
    clusters = await asyncio.to_thread(ended, "clusters", PYTHONIOENCODING="iso-8859-1")

    assert why.returncode == 0
    assert "\\u2022 18 Nov 11:08 UTC armed \\u2192 near" in why.stdout
    assert clusters.returncode == 0
    assert "\n\\u725b\\u6765USDT " in clusters.stdout


@pytest.mark.parametrize(
    ("line", "sentence"),
    [("why $'\\xff'", "there is no alert \\udcff"), ("heatmap $'\\xff' -o x.png", "'\\\\udcff' is no symbol")],
)
async def test_argument_that_is_no_text_is_known_to_nobody(database: None, line: str, sentence: str) -> None:
    told = await asyncio.to_thread(ended, line)

    assert f"liqalert: {sentence}" in told.stderr
    assert "Traceback" not in told.stderr


async def test_no_zone_is_of_a_symbol_that_is_no_text(database: None) -> None:
    told = await asyncio.to_thread(ended, "clusters $'\\xff'")

    assert (told.returncode, told.stdout.splitlines()[-1]) == (0, "no zones")
