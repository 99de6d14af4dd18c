from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from liqalert.cli import main
from liqalert.cli import recordings as under_test
from liqalert.settings import Settings


@dataclass
class FakeOptions:
    paths: tuple[Path, ...]
    speed: float | None
    as_json: bool
    open_interest: dict[str, float]
    settings: Settings
    overridden: bool


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> list[FakeOptions]:
    """What the replay was asked for; the replay itself has its own tests."""
    asked: list[FakeOptions] = []

    def replay(options: FakeOptions) -> int:
        asked.append(options)
        return 0

    fake = ModuleType("liqalert.app.replay")
    fake.ReplayOptions = FakeOptions  # type: ignore[attr-defined]
    fake.replay = replay  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "liqalert.app.replay", fake)
    monkeypatch.setattr(under_test, "configure_logs", lambda settings: None)
    return asked


def test_replay_without_options_runs_at_full_speed_with_the_settings(
    empty_place: Path, replayed: list[FakeOptions]
) -> None:
    empty_place.joinpath("a.jsonl.gz").touch()

    assert main(["replay", "a.jsonl.gz"]) == 0

    [options] = replayed
    assert (options.paths, options.speed, options.as_json, options.open_interest) == (
        (Path("a.jsonl.gz"),),
        None,
        False,
        {},
    )
    assert options.settings.alerts.distance_pct == 1.0
    assert not options.overridden


def test_replay_options_take_the_place_of_settings(empty_place: Path, replayed: list[FakeOptions]) -> None:
    empty_place.joinpath("a.jsonl.gz").touch()
    line = "replay a.jsonl.gz --speed 60 --json --open-interest btc=9e9 --open-interest ETH/USDT=4000000000"
    line += " --min-strength 0.3 --distance 0.5% --rearm 0.7 --symbols BTCUSDT,SOLUSDT"

    assert main(shlex.split(line)) == 0

    [options] = replayed
    assert (options.speed, options.as_json) == (60.0, True)
    assert options.open_interest == {"BTCUSDT": 9e9, "ETHUSDT": 4e9}
    alerts = options.settings.alerts
    assert (alerts.min_strength, alerts.distance_pct, alerts.rearm_pct) == (0.3, 0.5, 0.7)
    assert options.settings.binance.symbols == ("BTCUSDT", "SOLUSDT")
    assert options.overridden


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("replay a.jsonl.gz --speed fast", "'fast' is no speed: give a number above 0, or max"),
        ("replay a.jsonl.gz --speed 0", "'0' is no speed"),
        ("replay a.jsonl.gz --speed nan", "'nan' is no speed"),
        ("replay a.jsonl.gz --open-interest BTCUSDT", "give it like BTCUSDT=9e9, in US dollars"),
        ("replay a.jsonl.gz --open-interest BTCUSDT=-1", "'BTCUSDT=-1' is no open interest"),
        ("replay a.jsonl.gz --open-interest =9e9", "'=9e9' is no open interest"),
        ("replay a.jsonl.gz --open-interest B?C=9e9", "'B?C=9e9' is no open interest"),
        ("replay missing.jsonl.gz", "missing.jsonl.gz does not exist"),
        (
            "replay a.jsonl.gz --distance 25",
            "alerts.distance_pct is 25: give a number above 0 and at most 20",
        ),
        ("replay a.jsonl.gz --distance 2", "alerts.rearm_pct is 1.4: give more than alerts.distance_pct, which is 2"),
    ],
)
def test_replay_refuses_what_makes_no_sense(
    empty_place: Path, replayed: list[FakeOptions], capsys: pytest.CaptureFixture[str], line: str, sentence: str
) -> None:
    empty_place.joinpath("a.jsonl.gz").touch()

    assert main(shlex.split(line)) == 2

    assert sentence in capsys.readouterr().err
    assert replayed == []
