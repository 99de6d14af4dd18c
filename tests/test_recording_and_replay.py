"""Same input, same output: what the daemon recorded replays to what it decided, byte for byte."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sqlite3
import subprocess
import sys
import termios
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from liqalert.render.decisions import iso
from tests.binance_messages import force_order
from tests.binance_server import BinanceServer
from tests.daemon import Daemon
from tests.telegram_server import telegram_server

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "forceorder.jsonl.gz"


def replay(*arguments: str | Path) -> list[bytes]:
    command = [sys.executable, "-m", "liqalert", "replay", "--json", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.splitlines()


def summary(lines: Sequence[bytes]) -> dict[str, object]:
    decoded = msgspec.json.decode(lines[-1])
    found: dict[str, object] = decoded["summary"]
    return found


async def test_a_recording_replays_to_the_decisions_of_the_live_daemon(binance: BinanceServer, tmp_path: Path) -> None:
    """Through a kill and a restart: each recording opens with what its daemon took up."""
    extra = {"LIQALERT_RECORDING__DIRECTORY": str(tmp_path / "recordings")}
    async with telegram_server() as telegram, Daemon(tmp_path, binance=binance, telegram=telegram, **extra) as daemon:
        await daemon.until("/readyz", lambda answer: answer["ready"])
        for step in range(10):
            await binance.liquidate("BTCUSDT", "SELL", price=60_000 + step, quantity=5)
        await daemon.until_zone("idle")
        binance.prices["BTCUSDT"] = 57_000.0
        await daemon.until_zone("armed")
        await asyncio.sleep(1.2)
        await daemon.kill()
        await daemon.start()
        await daemon.until_zone("armed")
        binance.prices["BTCUSDT"] = 59_700.0
        await daemon.until_zone("near")
        binance.prices["BTCUSDT"] = 60_050.0
        await daemon.until("/api/v1/clusters", lambda answer: answer["zones"] == [])
        await daemon.terminate()

    first, second = sorted((tmp_path / "recordings").iterdir())
    replayed = [msgspec.json.decode(line) for file in (first, second) for line in replay(file)[:-1]]

    with sqlite3.connect(tmp_path / "liqalert.db") as database:
        query = "SELECT episode_id, state, reason, at FROM transitions ORDER BY rowid"
        live = [(*row[:3], iso(row[3])) for row in database.execute(query)]
        [(alert_id,)] = database.execute("SELECT id FROM alerts").fetchall()
    together = [msgspec.json.decode(line) for line in replay(tmp_path / "recordings")[:-1]]
    assert together == replayed
    transitions = [line for line in replayed if line["decision"] == "transition"]
    assert [(line["episode"], line["to"], line["reason"], line["at"]) for line in transitions] == live
    assert [line["alert"] for line in transitions if line["alert"]] == [alert_id]
    assert [line["to"] for line in transitions] == ["armed", "near", "swept"]


def test_speed_does_not_change_what_is_decided(tmp_path: Path) -> None:
    frames = [{"e": "forceOrder", "E": 1_790_000_000_000 + step * 100, "o": order(step)} for step in range(10)]
    file = tmp_path / "messages.jsonl"
    file.write_bytes(b"\n".join(msgspec.json.encode(frame) for frame in frames))

    assert replay(file, "--speed", "50") == replay(file, "--speed", "max")
    assert summary(replay(file)) == {
        "events": 10,
        "accepted": 10,
        "duplicate": 0,
        "rejected": {},
        "alerts": 0,
        "zones": 0,
        "prices": "fills",
    }


def test_a_replay_at_a_pace_does_not_wait_for_days_between_two_files(tmp_path: Path) -> None:
    files = []
    for day in range(0, 60, 30):
        at = 1_790_000_000_000 + day * 86_400_000
        files.append(tmp_path / f"{day}.jsonl")
        files[-1].write_bytes(msgspec.json.encode({"e": "forceOrder", "E": at, "o": order(0) | {"T": at}}))

    assert summary(replay(*files, "--speed", "100"))["accepted"] == 2


def order(step: int) -> dict[str, object]:
    at = 1_790_000_000_000 + step * 100 - 5
    return {"s": "BTCUSDT", "S": "SELL", "q": "5", "p": "59000", "ap": str(60_000 + step), "l": "5", "z": "5", "T": at}


def test_what_cannot_be_replayed_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(b"\x1f\x8b")

    empty, unreadable = refusal(tmp_path / "none"), refusal(torn)

    assert empty[0] == 2
    assert empty[1].startswith("liqalert: there is no recording in that directory")
    assert unreadable[0] == 1
    assert "Nothing could be read" in unreadable[1]


def refusal(path: Path) -> tuple[int, str]:
    refused = ended(path)
    return refused.returncode, refused.stderr


def test_hostile_lines_are_counted_and_change_nothing_else(tmp_path: Path) -> None:
    good = msgspec.json.encode({"e": "forceOrder", "E": 1_790_000_000_000, "o": order(0)})
    file = tmp_path / "messages.jsonl"
    file.write_bytes(b"\n".join([b"{", b"\xff\xfe", good, good, b'{"e":"other"}', good.replace(b"60000", b"NaN")]))

    counted = summary(replay(file))

    assert (counted["accepted"], counted["duplicate"], counted["events"]) == (1, 1, 6)
    assert counted["rejected"] == {"bad_value": 1, "malformed": 2, "unknown_event": 1}


def test_a_file_of_which_nothing_can_be_used_is_no_quiet_market(tmp_path: Path) -> None:
    damaged, quiet = tmp_path / "damaged.jsonl", tmp_path / "quiet.jsonl"
    damaged.write_bytes(b"{")
    quiet.write_bytes(b'[{"e":"markPriceUpdate","E":1790000000000,"s":"BTCUSDT","p":"60000"}]')

    as_text = ended(damaged)
    as_json = ended(damaged, "--json")

    assert "Nothing in the files could be used" in as_text.stdout
    assert "No alert" not in as_text.stdout
    assert (as_text.returncode, as_json.returncode) == (1, 1)
    assert "No alert: no price came near" in said_of(quiet)


def ended(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "liqalert", "replay", str(file), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def said_of(file: Path, *arguments: str) -> str:
    run = ended(file, *arguments)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_on_a_terminal_an_alert_does_not_stand_behind_the_progress_bar(tmp_path: Path) -> None:
    rows = [(n * 10, 60_011.0 - n, 20.0) for n in range(12)]
    rows += [(900, 57_000.0, 0.001), (1500, 57_000.0, 0.001), (1800, 59_500.0, 0.001)]
    orders = [
        force_order("BTCUSDT", "SELL", price=price, quantity=quantity, at_ms=(1_795_392_000 + at) * 1000)
        for at, price, quantity in rows
    ]
    file = tmp_path / "messages.jsonl"
    file.write_bytes(b"\n".join(msgspec.json.encode(order) for order in orders))

    shown = on_a_terminal("replay", str(file), "--open-interest", "BTCUSDT=1e9").replace("\r\n", "\n")

    assert "100%|" in shown
    for line in ("--- 2026-11-23 ---", "BTCUSDT: 0.84 % from a cluster"):
        assert re.search(rf"[\r\n]{line}", shown), shown


def on_a_terminal(*arguments: str) -> str:
    """All that is to be seen on it, in the order of writing."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    command = [sys.executable, "-m", "liqalert", *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        with os.fdopen(ours, "rb", buffering=0) as screen, suppress(OSError):
            while read := screen.read(65_536):  # an error at its end, as is usual for a terminal
                shown += read
        process.wait(timeout=60)
    return shown.decode()


if SHARED.exists():
    LOWER = ("--min-strength", "0.3", "--distance", "0.5", "--rearm", "0.7", "--open-interest", "BTCUSDT=1e9")

    def test_alerts_of_one_day_stand_under_it_once() -> None:
        lines = said_of(SHARED, *LOWER).splitlines()

        days = [line for line in lines if line.startswith("---")]
        assert days == ["--- 2024-12-04 ---", "--- 2024-12-05 ---", "--- 2025-06-23 ---"]
        assert lines[0] == days[0]

    def test_the_recorded_data_are_accounted_for_to_the_last_event_and_replay_alike() -> None:
        lines = replay(SHARED, "--speed", "max")
        counted = summary(lines)

        assert counted["events"] == 5285
        assert (counted["accepted"], counted["rejected"]) == (5284, {"off_market": 1})
        assert replay(SHARED, "--speed", "max") == lines

    def test_at_lower_thresholds_the_recorded_data_give_alerts() -> None:
        """On 2025-06-23 price comes back to within 0.5 % of where shorts were liquidated a quarter hour before."""
        lines = [msgspec.json.decode(line) for line in replay(SHARED, *LOWER)[:-1]]

        alerts = [line for line in lines if line.get("alert") and line["decision"] == "transition"]
        zones = {line["zone"]: line for line in lines if line["decision"] in ("zone_opened", "zone_rewritten")}
        assert [(zones[line["zone"]]["symbol"], line["at"][:16]) for line in alerts] == [
            ("ETHUSDT", "2025-06-23T21:31"),
            ("BTCUSDT", "2025-06-23T21:32"),
        ]
