from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest

from liqalert.app.simulate import NothingRecorded, simulate
from liqalert.feeds.binance import BinanceParser
from liqalert.feeds.recording import Recording
from liqalert.sim.playback import Playback, Recorded, read_recorded
from liqalert.sim.rest import Refused
from tests.binance_messages import force_order, mark_rows
from tests.sim.rig import LIQUIDATIONS, MARKS, START

T0 = 1_790_000_000.0
T0_MS = 1_790_000_000_000


def _liquidation(at_ms: int = T0_MS, symbol: str = "BTCUSDT") -> bytes:
    return msgspec.json.encode(force_order(symbol, "SELL", price="60000", quantity="1", at_ms=at_ms))


def _marks(at_ms: int = T0_MS) -> bytes:
    return msgspec.json.encode({"stream": MARKS, "data": mark_rows({"BTCUSDT": "60100"}, at_ms)})


Played = list[tuple[float, list[str], Any]]
"""When, in which streams, what, to the end."""


def _played(*recorded: Recorded, start: float = START) -> Played:
    """Without the marks of single symbols."""
    return [one for one in _all_played(*recorded, start=start) if "@markPrice" not in one[1][0] or "!" in one[1][0]]


def _all_played(*recorded: Recorded, start: float = START) -> Played:
    playback, played = Playback(recorded, start=start), []
    while (due_at := playback.next_at) is not None:
        played += [(due_at, [*one.streams], msgspec.json.decode(one.content)) for one in playback.take()]
    return played


def test_frames_come_at_their_own_pace() -> None:
    played = _played(*(Recorded(T0 + second, _marks()) for second in (0, 1.5, 31.5)))

    assert [at for at, _, _ in played] == [START, START + 1.5, START + 31.5]


def test_times_inside_move_with_the_frame() -> None:
    _, (_, _, liquidation) = _played(Recorded(T0, _marks()), Recorded(T0 + 2, _liquidation(T0_MS + 1_000)))

    assert liquidation["o"]["T"] == 1_795_000_001_000
    assert liquidation["E"] == 1_795_000_001_005


def test_time_of_the_next_funding_stays() -> None:
    row = {"e": "markPriceUpdate", "E": T0_MS, "s": "BTCUSDT", "p": "1", "T": 1_790_006_400_000}

    ((_, _, moved),) = _played(Recorded(T0, msgspec.json.encode(row)))

    assert (moved["E"], moved["T"]) == (1_795_000_000_000, 1_790_006_400_000)


def test_frame_played_at_its_own_time_is_unchanged() -> None:
    playback = Playback([Recorded(T0, _liquidation(symbol="牛来USDT"))], start=T0)

    (frame,) = playback.take()

    assert frame.content == _liquidation(symbol="牛来USDT")


def test_bare_and_wrapped_frames_reach_every_stream_that_binance_has_for_them() -> None:
    played = _played(Recorded(T0, _marks()), Recorded(T0, _liquidation()))

    assert played[0][1] == [MARKS, "!markPrice@arr"]
    assert played[1][1] == [LIQUIDATIONS, "btcusdt@forceOrder"]
    assert isinstance(played[0][2], list)


@pytest.mark.parametrize("recorded", [_marks(), _liquidation()])
def test_marks_reach_who_has_subscribed_to_a_single_symbol(recorded: bytes) -> None:
    """Those of a table, and those that stand for the marks that a file of liquidations lacks."""
    played = _all_played(Recorded(T0, recorded), Recorded(T0 + 2, recorded))

    marks = [row for _, streams, row in played if streams == ["btcusdt@markPrice@1s", "btcusdt@markPrice"]]
    assert marks
    assert {(row["e"], row["s"]) for row in marks} == {("markPriceUpdate", "BTCUSDT")}
    assert len(marks) == sum(streams[0] == MARKS for _, streams, _ in played)


def test_answers_to_subscriptions_are_left_out() -> None:
    assert _played(Recorded(T0, b'{"result":null,"id":1}')) == []


def test_what_is_no_json_is_sent_as_it_is() -> None:
    playback = Playback([Recorded(T0, b"\xff{")], start=START)

    (frame,) = playback.take()

    assert (frame.content, frame.verbatim) == (b"\xff{", True)


def test_long_silence_is_shortened_to_a_minute() -> None:
    day = 86_400.0
    played = _played(Recorded(T0, _marks()), Recorded(T0 + day, _marks(T0_MS + 86_400_000)))

    assert [at for at, _, _ in played] == [START, START + 60.0]
    assert played[1][2][0]["E"] == 1_795_000_060_000


def test_liquidations_alone_are_followed_by_marks_at_their_prices() -> None:
    played = _played(Recorded(T0, _liquidation()), Recorded(T0 + 2.5, _liquidation(T0_MS + 2_500)))

    assert [(at, streams[0]) for at, streams, _ in played] == [
        (START, LIQUIDATIONS),
        (START + 1, MARKS),
        (START + 2, MARKS),
        (START + 2.5, LIQUIDATIONS),
    ]
    parsed = BinanceParser().parse(msgspec.json.encode(played[1][2]), START)
    assert [(mark.instrument.symbol, mark.price, mark.event_time) for mark in parsed.marks] == [
        ("BTCUSDT", 60_000.0, START + 1)
    ]


def test_recorded_marks_are_the_only_ones() -> None:
    played = _played(Recorded(T0, _marks()), Recorded(T0, _liquidation()), Recorded(T0 + 10, _marks()))

    assert [at for at, _, _ in played] == [START, START, START + 10]


def test_lists_of_instruments_are_served_as_recorded() -> None:
    playback = Playback(
        [
            Recorded(T0, b'{"symbols":[1]}', "exchangeInfo"),
            Recorded(T0, _marks()),
            Recorded(T0, b"{}", "open_interest"),
        ],
        start=START,
    )

    assert playback.answer("/fapi/v1/exchangeInfo", {}) == b'{"symbols":[1]}'
    assert playback.answer("/dapi/v1/exchangeInfo", {}) == b'{"symbols":[]}'


def test_newest_mark_is_answered_and_what_is_not_known_is_refused() -> None:
    playback = Playback([Recorded(T0, _marks())], start=START)
    playback.take()

    known = msgspec.json.decode(playback.answer("/fapi/v1/premiumIndex", {"symbol": "BTCUSDT"}))

    assert (known["symbol"], known["markPrice"]) == ("BTCUSDT", "60100")
    with pytest.raises(Refused):
        playback.answer("/fapi/v1/openInterest", {"symbol": "BTCUSDT"})
    with pytest.raises(KeyError):
        playback.answer("/elsewhere", {})


# ---------------------------------------------------------------- files


def test_our_own_recording_is_read_whole(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    recording.write("exchangeInfo", "binance", b'{"symbols":[]}', T0)
    recording.write("frame", "binance", _marks(), T0 + 1)
    recording.write("frame", "binance", b"\xff\x00", T0 + 2)
    recording.close()

    assert list(read_recorded([tmp_path])) == [
        Recorded(T0, b'{"symbols":[]}', "exchangeInfo"),
        Recorded(T0 + 1, _marks()),
        Recorded(T0 + 2, b"\xff\x00"),
    ]


def test_torn_recording_is_read_to_its_tear(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    for second in range(20):
        recording.write("frame", "binance", _marks(), T0 + second)
    (path,) = tmp_path.iterdir()
    torn = path.read_bytes()[:-20]
    recording.close()
    path.write_bytes(torn)

    assert len(list(read_recorded([path]))) >= 18


@pytest.mark.parametrize("content", [b"", b"root:x:0:0\n" * 200, b"\x7fELF\x00\n\xff", b"17\n"])
def test_what_holds_no_frame_is_not_served(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(NothingRecorded, match="file: no frame in it"):
        simulate(port=0, seed=1, speed=1.0, recordings=[path], faults=False)


def test_bare_messages_come_at_their_event_times(tmp_path: Path) -> None:
    path = tmp_path / "bare.jsonl.gz"
    lines = (_liquidation(), _marks(T0_MS + 3_000), b"nonsense", b"", _liquidation(T0_MS + 4_000))
    path.write_bytes(gzip.compress(b"\n".join(lines)))

    read = list(read_recorded([path]))

    assert [one.at for one in read] == [T0 + 0.005, T0 + 3, T0 + 3, T0 + 4.005]
    assert read[0].payload == _liquidation()


def test_plain_file_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "bare.jsonl"
    path.write_bytes(_liquidation() + b"\n")

    assert [one.payload for one in read_recorded([path])] == [_liquidation()]
