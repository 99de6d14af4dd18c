from __future__ import annotations

import gzip
import json
from pathlib import Path

import msgspec
import pytest

from liqalert.cli import main
from liqalert.feeds.recording import Recording
from liqalert.feeds.recording_reader import recording_files
from tests.binance_messages import force_order, mark_rows

T0 = 1_795_392_000.0


@pytest.fixture
def messages(empty_place: Path) -> Path:
    """Longs liquidated at 60,000; half an hour later price, known by fills only, comes back to within 0.8 %."""
    rows = [(n * 10.0, 60_011.0 - n, 20.0) for n in range(12)]
    rows += [(900.0, 57_000.0, 0.001), (1500.0, 57_000.0, 0.001), (1800.0, 59_500.0, 0.001), (2100.0, 57_000.0, 0.001)]
    path = empty_place / "messages.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in (_order(*row) for row in rows)) + "\n")
    return path


def _order(at: float, price: float, quantity: float) -> dict[str, object]:
    return force_order("BTCUSDT", "SELL", price=price, quantity=quantity, at_ms=int((T0 + at) * 1000))


def test_a_table_with_what_it_cannot_say(messages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", str(messages), "--symbol", "BTC", "--open-interest", "BTCUSDT=1e9"]) == 0

    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.split()[:3] == ["1", "%", "0.6"])
    assert row.split()[3] == "1"
    assert "No row has 30 alerts: nothing here tells alerts from random levels." in out
    assert "Prices are the liquidations' own fills" in out


def test_json_is_the_same_twice(messages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["backtest", str(messages), "--symbol", "BTC", "--open-interest", "BTCUSDT=1e9", "--json"]
    assert main(command) == 0
    first = capsys.readouterr().out
    assert main(command) == 0

    answer = msgspec.json.decode(first)
    assert capsys.readouterr().out == first
    assert (answer["symbols"], answer["prices"], len(answer["rows"])) == (["BTCUSDT"], "fills", 9)
    assert [row["alerts"] for row in answer["rows"] if row["distance_pct"] == 1.0] == [1, 1, 1]


def test_a_picture_is_drawn_where_it_is_asked_for(messages: Path) -> None:
    assert main(["backtest", str(messages), "--symbol", "BTC", "--plot", "shares.png"]) == 0

    assert Path("shares.png").read_bytes().startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["nosuch.jsonl"], 2, "nosuch.jsonl does not exist"),
        (["--symbol", "B?C"], 2, "'B?C' is no symbol"),
        (["--days", "0"], 2, "is no number of days"),
        (["--strength", "2"], 2, "alerts.min_strength"),
        (["--distance", "far"], 2, "alerts.distance_pct"),
        ([], 1, "there is no database"),
    ],
)
def test_a_mistake_is_one_clear_line(
    arguments: list[str], exit_code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", *arguments]) == exit_code

    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def test_strengths_that_are_a_guess_are_said_to_be(messages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["backtest", str(messages), "--symbol", "BTC"]

    main(command)
    guessed = capsys.readouterr().err
    main([*command, "--open-interest", "BTC=1e9"])

    assert guessed.startswith("Strengths of BTCUSDT are a guess, because neither its history nor its open interest")
    assert capsys.readouterr().err == ""


def test_what_could_not_be_read_is_said(empty_place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = Recording(empty_place)
    recording.write("frame", "binance", json.dumps(mark_rows({"BTCUSDT": 60_000.0}, int(T0) * 1000)).encode(), T0)
    recording.close()
    [file] = recording_files(empty_place)
    with gzip.open(file, "ab") as torn:
        torn.write(b'{"t":1795392001.0,"ki')

    assert main(["backtest", str(empty_place), "--symbol", "BTC"]) == 0

    assert capsys.readouterr().err == "21 bytes at torn ends could not be read.\n"


def test_a_symbol_that_is_not_in_the_files_is_said(messages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = main(["backtest", str(messages), "--symbol", "NOSUCH"])
    said_of_one = capsys.readouterr()
    some = main(["backtest", str(messages), "--symbol", "NOSUCH", "--symbol", "BTC", "--open-interest", "BTC=1e9"])
    said_of_two = capsys.readouterr()

    assert (nothing, some) == (1, 0)
    assert "There are no prices of these instruments" in said_of_one.out
    assert "A DAY" not in said_of_one.out
    assert said_of_two.err == "There are no prices of NOSUCHUSDT in what was given: it counts for nothing.\n"
    assert "A DAY" in said_of_two.out
