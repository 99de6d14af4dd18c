"""Places that the user of a command may not enter, as the service's directory is for everybody else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.telegram_server import TOKEN

COMMANDS = [
    "run",
    "db current",
    "db upgrade",
    "db prune",
    "db backup copy.db",
    "db restore backup.db",
    "alerts",
    "pair",
    "backtest --symbol BTC",
    "replay closed/recording",
]


@pytest.fixture
def closed(empty_place: Path) -> Iterator[Path]:
    closed = empty_place / "closed"
    closed.mkdir(mode=0o000)
    yield closed
    closed.chmod(0o700)


def ended(line: str, database: str) -> subprocess.CompletedProcess[str]:
    """`liqalert LINE` for somebody without root's right to enter everything."""
    ordinary = ("setpriv", "--inh-caps=-all", "--bounding-set=-all") if os.geteuid() == 0 else ()
    return subprocess.run(
        [*ordinary, sys.executable, "-m", "liqalert", *line.split()],
        env={
            **os.environ,
            "LIQALERT_DATABASE__URL": f"sqlite+aiosqlite:///{database}",
            # Without a token `pair` has no use for a database.
            "LIQALERT_TELEGRAM__TOKEN": TOKEN,
            "LIQALERT_TELEGRAM__API_URL": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("line", COMMANDS)
def test_what_may_not_be_entered_is_one_sentence_and_exit_code_1(line: str, closed: Path) -> None:
    told = ended(line, "closed/liqalert/liqalert.db")

    sentence = told.stderr.splitlines()[-1]
    assert (told.returncode, sentence.partition(" ")[0]) == (1, "liqalert:")
    assert "Permission denied" in sentence
    assert "closed/" in sentence
    assert "Traceback" not in told.stderr


def test_check_names_what_may_not_be_entered_and_goes_on(closed: Path) -> None:
    told = ended("check", "closed/liqalert/liqalert.db")

    assert told.returncode == 1
    assert f"problem  database.url: {closed} cannot be written" in told.stdout
    assert "does not exist yet" not in told.stdout


@pytest.mark.parametrize("line", ["db backup closed/copy.db", "db restore closed/backup.db"])
def test_a_copy_names_the_file_that_may_not_be_reached(line: str, closed: Path) -> None:
    assert ended("db upgrade", "liqalert.db").returncode == 0

    told = ended(line, "liqalert.db")

    assert told.returncode == 1
    assert told.stderr.endswith(f"failed: [Errno 13] Permission denied: '{line.split()[-1]}'\n")
