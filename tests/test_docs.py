"""What the documents say is what the program does."""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from liqalert.bot.commands import readme_table
from liqalert.cli import build_parser
from liqalert.core import exchanges
from liqalert.core.episodes import Episode, EpisodeState
from liqalert.core.outcomes import became
from liqalert.core.rules import Rule, RuleKind
from liqalert.settings import Settings, known_keys, load_settings
from liqalert.web.coinglass.questions import HEATMAP_RANGES, MAP_RANGES

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "settings.example.toml"
UNIT = ROOT / "deploy/liqalert.service"
GUIDES = [path for path in (ROOT / "README.md", ROOT / "deploy/README.md") if path.exists()]


def _uncommented() -> dict[str, dict[str, object]]:
    """The example with the comment sign taken from every key."""
    return tomllib.loads(re.sub(r"^# (?=\w+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE))


def _default(name: str) -> object:
    section, _, key = name.partition(".")
    value = getattr(getattr(Settings(), section), key)
    return list(value) if isinstance(value, tuple) else value


# ---------------------------------------------------------------- settings.example.toml


def test_example_has_every_setting_and_no_other() -> None:
    shown = {f"{section}.{key}" for section, keys in _uncommented().items() for key in keys}

    assert shown == set(known_keys())


@pytest.mark.parametrize("name", [name for name in known_keys() if _default(name) is not None])
def test_example_shows_the_default(name: str) -> None:
    section, _, key = name.partition(".")

    assert _uncommented()[section][key] == _default(name)


@pytest.mark.parametrize("name", [name for name in known_keys() if _default(name) is None])
def test_example_says_where_there_is_no_default(name: str) -> None:
    section, _, key = name.partition(".")
    text = EXAMPLE.read_text().partition(f"[{section}]")[2].partition(f"# {key} = ")[0]
    comment = text.rpartition(" = ")[2]

    assert "o default" in comment or "Default: " in comment


def test_every_key_of_the_example_is_explained() -> None:
    lines = EXAMPLE.read_text().splitlines()
    bare = [
        line for before, line in itertools.pairwise(lines) if re.match(r"# \w+ = ", line) and not before.startswith("#")
    ]

    assert bare == []


def test_example_as_shipped_changes_nothing() -> None:
    assert load_settings(EXAMPLE, {}) == Settings()


def test_every_value_of_the_example_would_be_taken(tmp_path: Path) -> None:
    """All but the names of files, which stand for the values beside them."""
    taken = tmp_path / "settings.toml"
    taken.write_text(re.sub(r"^# (?=\w+(?<!_file) = )", "", EXAMPLE.read_text(), flags=re.MULTILINE))

    settings = load_settings(taken, {})

    assert settings.web.token is not None


# ---------------------------------------------------------------- commands in the guides


def _commands() -> Iterator[str]:
    """Each liqalert command line in a code block of a guide, without prompt and comment."""
    for guide in GUIDES:
        for block in re.findall(r"^```(?:sh|console|bash)?\n(.*?)^```", guide.read_text(), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                found = re.match(r"(?:\$ )?(?:\S*/bin/)?liqalert(?:-as-service)? +([^|>]*)", line)
                if found:
                    yield found[1]


@pytest.mark.parametrize("command", sorted(set(_commands())))
def test_command_in_a_guide_parses(command: str) -> None:
    assert callable(build_parser().parse_args(shlex.split(command, comments=True)).run)


def test_guide_to_the_server_shows_commands() -> None:
    assert {"check --online", "alert test", "db backup backup.db"} <= set(_commands())


# ---------------------------------------------------------------- the chat


def test_readme_lists_every_command_and_button() -> None:
    assert readme_table() in (ROOT / "README.md").read_text(), f"the table has to read:\n{readme_table()}"


def test_readme_explains_every_word_for_what_an_alert_became() -> None:
    readme = (ROOT / "README.md").read_text()
    rule = Rule(RuleKind.NEAR, None, 1.0, 0.6)
    # One that is cooling is called by its outcome.
    states = [state for state in EpisodeState if state is not EpisodeState.COOLING]
    words = {became(Episode("episode", rule, "zone", state, 0.0)) for state in states}

    assert "grown" in words
    assert {word for word in words if f"\n| {word} |" not in readme} == set()


def test_readme_says_where_the_ranges_in_coinglass_shape_end() -> None:
    longest = {HEATMAP_RANGES[-1], [*MAP_RANGES][-1]}

    assert [f"Ranges end at `{name}`" in (ROOT / "README.md").read_text() for name in longest] == [True]


# ---------------------------------------------------------------- exchanges


def test_mapping_has_a_section_for_every_exchange() -> None:
    names = [name for constant, name in vars(exchanges).items() if constant.isupper()]
    headings = re.findall(r"^#+ (.*)$", (ROOT / "liqalert/feeds/MAPPING.md").read_text(), flags=re.MULTILINE)

    assert names
    assert [name for name in names if not any(name in heading.lower() for heading in headings)] == []


def test_silent_address_of_binance_stands_nowhere() -> None:
    shipped = [*(ROOT / "liqalert").rglob("*"), *(ROOT / "deploy").rglob("*"), *ROOT.glob("*.md"), *ROOT.glob("*.toml")]
    texts = {
        path: path.read_text(errors="replace") for path in shipped if path.suffix in (".py", ".md", ".toml", ".html")
    }

    silent = [path for path, text in texts.items() if re.search(r"wss?://fstream\.binance\.com(?!/market)", text)]

    assert EXAMPLE in texts
    assert silent == []


# ---------------------------------------------------------------- the unit


def test_unit_upgrades_the_tables_before_it_runs() -> None:
    commands = dict(re.findall(r"^(ExecStartPre|ExecStart)=\S+ -m liqalert (.*)$", UNIT.read_text(), re.MULTILINE))

    assert commands == {"ExecStartPre": "db upgrade", "ExecStart": "run"}


def test_unit_is_not_restarted_after_a_mistake_in_the_settings() -> None:
    assert "\nRestartPreventExitStatus=2\n" in UNIT.read_text()


if shutil.which("systemd-analyze"):
    # Not collected elsewhere: without systemd there is nothing to ask.

    def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=30, check=False)

    def test_unit_is_exposed_by_1_1_at_most() -> None:
        ended = _analyze("security", "--offline=true", "--threshold=11", str(UNIT))

        assert ended.returncode == 0, ended.stdout[-300:]

    def test_unit_has_no_mistake_that_systemd_knows(tmp_path: Path) -> None:
        copy = tmp_path / "liqalert.service"
        copy.write_text(UNIT.read_text().replace("/opt/liqalert/.venv/bin/python", "/bin/true"))

        ended = _analyze("verify", str(copy))

        assert (ended.returncode, ended.stderr) == (0, "")
