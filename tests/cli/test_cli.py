from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from liqalert.cli import build_parser, main
from liqalert.sim.faults import Fault

HEAVY = (
    *("aiohttp", "sqlalchemy", "telegram", "apscheduler", "numpy", "pydantic", "msgspec"),
    *("asyncio", "dataclasses", "http.client", "inspect", "logging", "socket", "ssl", "urllib.request"),
)
"""The standard library has its weights too: those here would make `--help` twice as slow."""


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """`parser` and all below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _parsers(child)


def _examples() -> list[str]:
    """Every command line that some --help shows."""
    helps = "\n".join(parser.format_help() for parser in _parsers(build_parser()))
    return sorted(set(re.findall(r"^  liqalert (.+?)(?:  +#.*)?$", helps, flags=re.MULTILINE)))


@pytest.mark.parametrize("example", _examples())
def test_example_in_the_help_parses(example: str) -> None:
    assert callable(build_parser().parse_args(shlex.split(example)).run)


def test_every_command_has_examples_in_its_help() -> None:
    leaves = [parser for parser in _parsers(build_parser()) if "{" not in parser.format_usage()]
    commands = [parser for parser in leaves if parser.get_default("run")]

    assert {parser.prog for parser in commands} == {
        "liqalert demo",
        "liqalert init",
        "liqalert pair",
        "liqalert backtest",
        "liqalert heatmap",
        "liqalert simulate",
        "liqalert run",
        "liqalert check",
        "liqalert record",
        "liqalert replay",
        "liqalert clusters",
        "liqalert alerts",
        "liqalert why",
        "liqalert alert test",
        "liqalert db upgrade",
        "liqalert db current",
        "liqalert db backup",
        "liqalert db restore",
        "liqalert db prune",
    }
    assert [parser.prog for parser in commands if f"\n  {parser.prog}" not in parser.format_help()] == []


def test_help_of_the_simulator_calls_faults_by_their_names() -> None:
    helps = "\n".join(parser.format_help() for parser in _parsers(build_parser()))
    [named] = re.findall(r"faults by HTTP: (.+) and more", helps)

    assert {name.strip() for name in named.split(",")} <= set(Fault)


def test_command_line_imports_nothing_heavy() -> None:
    program = (
        "import sys, liqalert.cli; liqalert.cli.build_parser().format_help(); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)

    assert ended.stdout == "[]\n"


def test_help_starts_from_what_the_user_wants(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    shown = capsys.readouterr().out
    assert shown.index("liqalert check --online") < shown.index("options:")
    assert "watch the market and send alerts" in shown


def test_nothing_asked_gives_the_help_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2

    assert "liqalert run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("frobnicate", "liqalert: argument COMMAND: invalid choice: 'frobnicate'"),
        ("alert", "liqalert alert: the following arguments are required: COMMAND (see liqalert alert --help)"),
        ("why", "liqalert why: the following arguments are required: ALERT_ID (see liqalert why --help)"),
        ("run --fast", "liqalert: unrecognized arguments: --fast"),
        ("demo --config settings.toml", "liqalert: unrecognized arguments: --config settings.toml"),
        ("demo --speed 1e9", "liqalert demo: argument --speed: '1e9' is too fast for the demo: give at most 1000"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(line: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(line)) == 2

    shown = capsys.readouterr().err
    assert shown.startswith(sentence)
    assert shown.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "check", "clusters", "alert test", "db current", "record -o x"])
def test_mistake_in_the_settings_is_one_sentence_and_exit_code_2(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIQALERT_ALERTS__MIN_STRENGTH", "7")

    assert main(shlex.split(command)) == 2

    assert capsys.readouterr().err == (
        "liqalert: alerts.min_strength is 7: give a number at least 0.3 and below 1 "
        "(environment variable LIQALERT_ALERTS__MIN_STRENGTH)\n"
    )


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        *[("db upgrade", 0), ("db current", 0), ("db backup copy.db", 0), ("db prune", 0)],
        *[("clusters", 0), ("alerts", 0), ("check", 1), ("run", 2)],
    ],
)
def test_missing_token_of_the_page_stops_only_what_serves_it(
    command: str, exit_code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["db", "upgrade"])
    monkeypatch.setenv("LIQALERT_WEB__HOST", "0.0.0.0")
    capsys.readouterr()

    assert main(shlex.split(command)) == exit_code

    shown = "".join(capsys.readouterr())
    assert ("give web.token as well" in shown) == (exit_code > 0)


def test_named_settings_file_is_read(empty_place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = empty_place / "mine.toml"
    named.write_text("[alerts]\nmin_strength = 7\n")

    assert main(["check", "--config", str(named)]) == 2

    assert f"({named} line 2)" in capsys.readouterr().err


def test_reader_that_has_gone_ends_it_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)

    ended = subprocess.run(
        [sys.executable, "-m", "liqalert", "--help"], stdout=writing, stderr=subprocess.PIPE, timeout=20, check=False
    )

    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_version_is_shown_through_python_m() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "liqalert", "--version"], capture_output=True, text=True, timeout=20, check=False
    )

    assert re.fullmatch(r"liqalert \d+\.\d+\.\d+\n", ended.stdout)
