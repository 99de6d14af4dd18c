"""A silence of liquidations is judged by what was usual."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from csv import DictReader
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import msgspec

from liqalert.feeds.silence import SLOT_S, StreamSilence

MONDAY = 1_795_392_000.0
HOUR = 3600.0
RECORDED = Path(__file__).parents[2] / ".." / "shared" / "data"


def heard_until(end_s: float, *, every_s: float = 60.0, quiet: range = range(0)) -> StreamSilence:
    """One liquidation every `every_s`, none in the hours of the day `quiet`, from Monday on."""
    silence = StreamSilence()
    for step in range(int(end_s / 10.0)):
        at = MONDAY + step * 10.0
        hour = int((at - MONDAY) // HOUR) % 24
        silence.see(at, came=step * 10.0 % every_s == 0.0 and hour not in quiet)
    return silence


def silent_for(silence: StreamSilence, start_s: float, most_s: float) -> float | None:
    """After how many seconds of silence the alarm is raised."""
    for step in range(int(most_s / 10.0)):
        silence.see(MONDAY + start_s + step * 10.0, came=False)
        if silence.alarming:
            return step * 10.0
    return None


def test_a_stream_that_falls_mute_is_noticed_after_a_quarter_of_an_hour() -> None:
    silence = heard_until(24 * HOUR)

    noticed_s = silent_for(silence, 24 * HOUR, 3 * HOUR)

    assert noticed_s is not None
    assert 13 * 60.0 < noticed_s < 16 * 60.0


def test_one_liquidation_is_enough_to_say_that_it_is_not_mute() -> None:
    silence = heard_until(24 * HOUR)
    silent_for(silence, 24 * HOUR, 20 * 60.0)
    assert silence.alarming

    silence.see(MONDAY + 24 * HOUR + 20 * 60.0, came=True)

    assert not silence.alarming
    assert silence.heard_at == MONDAY + 24 * HOUR + 20 * 60.0


def test_an_hour_that_is_always_quiet_is_no_alarm() -> None:
    """Between 3 and 5 in the morning nothing comes, as on every day of the week before."""
    silence = heard_until(7 * 24 * HOUR + 3 * HOUR, quiet=range(3, 5))

    assert silent_for(silence, (7 * 24 + 3) * HOUR, 2 * HOUR) is None


def test_before_anything_is_known_hours_without_any_are_alarming() -> None:
    noticed_s = silent_for(StreamSilence(), 0.0, 6 * HOUR)

    assert noticed_s is not None
    assert 2 * HOUR < noticed_s < 3 * HOUR


def test_time_that_was_not_watched_does_not_count() -> None:
    silence = heard_until(24 * HOUR)

    silence.see(MONDAY + 48 * HOUR, came=False)

    assert silence.expected < 1.0


def test_a_restart_takes_up_what_was_usual_and_a_silence_that_had_begun() -> None:
    silence = StreamSilence()
    first = int(MONDAY / SLOT_S)
    slots = range(first, first + 24 * 120)

    silence.learn(frozenset(slots[::2][:-20]), slots)

    assert 15.0 < silence.expected < 25.0
    assert silence.alarming
    assert silence.heard_at == slots[::2][-21] * SLOT_S


class _Order(msgspec.Struct):
    T: int


class _Frame(msgspec.Struct):
    o: _Order


def _sessions() -> Iterator[list[float]]:
    """When liquidations came in each recorded stretch of all symbols of at least twenty minutes."""
    with gzip.open(RECORDED / "forceorder.jsonl.gz", "rb") as file:
        times = [msgspec.json.decode(line, type=_Frame).o.T / 1000.0 for line in file]
    for row in DictReader((RECORDED / "sessions.csv").read_text().splitlines()):
        start, end = (datetime.fromisoformat(f"{row[name]}+00:00").timestamp() for name in ("start_utc", "end_utc"))
        if row["symbols"] != "1" and end - start >= 1200.0:
            yield [at for at in times if start <= at <= end]


if RECORDED.is_dir():

    def test_no_recorded_session_raises_an_alarm_though_its_own_rate_is_known() -> None:
        rarest = []
        for times in _sessions():
            slots = [int(at // SLOT_S) for at in times]
            rate = len(set(slots)) / (slots[-1] - slots[0] + 1)
            longest = max(later - earlier - 1 for earlier, later in pairwise(slots))
            rarest.append(rate * longest)

        assert len(rarest) >= 5
        assert 5.0 < max(rarest) < 10.0
