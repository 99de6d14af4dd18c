from __future__ import annotations

import pytest

from liqalert.cli import main


def test_check_prints_a_line_for_each_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "ok       settings: no file; defaults and the environment",
        "ok       telegram.token: is not set: nothing goes to Telegram",
        "ok       console.enabled: alerts are printed",
    ]


def test_check_that_finds_a_problem_ends_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIQALERT_TELEGRAM__TOKEN", "geheim")

    assert main(["check"]) == 1

    shown = capsys.readouterr().out
    assert "problem  telegram.token: is not of the form" in shown
    assert "geheim" not in shown
