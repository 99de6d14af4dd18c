"""Whatever a file to replay holds, there is a replay or a sentence, and no traceback."""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.app.replay import ReplayOptions, ReplayRun
from liqalert.core.market import FeedStatus, Instrument, Liquidation, OpenInterest, PositionSide
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.start import Start
from liqalert.core.terms import Terms
from liqalert.feeds.recording_reader import Record, RecordingReader
from liqalert.feeds.records import PriceSource, UnreadableRecords, open_records
from liqalert.settings import Settings
from tests.feeds.frames import liquidation_frame, mark_frame
from tests.mutations import ODD_VALUES, damaged, kept, misvalued

NOW = 1_790_000_000.0
BTC = Instrument("binance", "BTCUSDT")
RULE = Rule(RuleKind.NEAR, None, 1.0, 0.3)
START = Start(
    at=NOW,
    terms=Terms(),
    rules=(RULE,),
    liquidations=tuple(
        Liquidation(BTC, PositionSide.LONG, 100.0 + number, 2000.0, 200_000.0, NOW - 60.0 + number, NOW - 60.0 + number)
        for number in range(6)
    ),
    watching_since=NOW - 3600.0,
    watched_until=NOW - 1.0,
)
RECORDS: tuple[tuple[str, str, bytes], ...] = (
    ("start", "", msgspec.json.encode(START)),
    ("feed", "binance", msgspec.json.encode(FeedStatus("binance", True, NOW, mark_at=NOW))),
    ("open_interest", "binance", msgspec.json.encode(OpenInterest(BTC, 1e9, NOW))),
    ("rules", "", msgspec.json.encode((RULE,))),
    ("exchangeInfo", "binance", b'{"symbols":[{"symbol":"BTCUSDT","quoteAsset":"USDT"}]}'),
    ("frame", "binance", mark_frame({"s": "BTCUSDT", "p": "120"})),
    ("frame", "binance", liquidation_frame()),
    ("frame", "binance", mark_frame({"s": "BTCUSDT", "p": "106"})),
)


def line(t: object, kind: object, exchange: object, data: object) -> bytes:
    return msgspec.json.encode({"t": t, "kind": kind, "exchange": exchange, "data": data})


LINES = [line(NOW + 6 * number, kind, exchange, data.decode()) for number, (kind, exchange, data) in enumerate(RECORDS)]


def replayed(content: bytes) -> None:
    """Replays a file with `content`. Anything but the documented errors comes out."""
    with TemporaryDirectory() as directory:
        path = Path(directory, "a.jsonl")
        path.write_bytes(content)
        try:
            source = open_records([path])
            options = ReplayOptions((path,), None, as_json=False, open_interest={}, settings=Settings())
            run = ReplayRun(options, source.prices, io.StringIO())
            for record in source.records():
                run.take(record)
            if run.began:
                run.finish()
        except UnreadableRecords:
            pass


@pytest.mark.parametrize("path", kept("recordings"), ids=lambda path: path.name)
def test_what_once_broke_a_replay(path: Path) -> None:
    replayed(path.read_bytes())


def test_record_that_nobody_can_have_written_is_named() -> None:
    record = Record(NOW, "rules", "", b'[{"kind":"never"}]')
    run = ReplayRun(ReplayOptions((), None, False, {}, Settings()), PriceSource.MARKS, io.StringIO())

    with pytest.raises(UnreadableRecords, match=r"^the record 'rules' received at 1790000000.000 is not what liqalert"):
        run.take(record)


@pytest.mark.parametrize("terms", [{"rearm_ratio": 0.8}, {"cooldown_s": -1.0}])
def test_terms_under_which_one_mark_would_alert_for_ever_are_refused(terms: dict[str, float]) -> None:
    start = msgspec.to_builtins(START)
    start["terms"] |= terms
    record = Record(NOW, "start", "", msgspec.json.encode(start))
    run = ReplayRun(ReplayOptions((), None, False, {}, Settings()), PriceSource.MARKS, io.StringIO())

    with pytest.raises(UnreadableRecords, match=r"^the record 'start' received at 1790000000.000 is not what liqalert"):
        run.take(record)


def test_file_without_an_end_of_line_is_not_kept_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "liqalert-bomb.jsonl.gz"
    path.write_bytes(gzip.compress(bytes(300_000_000), 9, mtime=0) + gzip.compress(b"\n" + LINES[0] + b"\n"))

    reader = RecordingReader([path])
    records = list(reader)

    assert [record.kind for record in records] == ["start"]
    assert reader.lost_bytes == 300_000_000


@given(damaged(st.just(b"\n".join(LINES) + b"\n")))
def test_damaged_recording(content: bytes) -> None:
    replayed(content)


@given(damaged(st.just(gzip.compress(b"\n".join(LINES) + b"\n", mtime=0))))
def test_damaged_compressed_recording(content: bytes) -> None:
    replayed(content)


@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), misvalued(st.sampled_from(LINES))), max_size=3))
def test_recording_with_odd_records(changes: Sequence[tuple[int, bytes]]) -> None:
    lines = list(LINES)
    for place, changed in changes:
        lines[place] = changed

    replayed(b"\n".join(lines) + b"\n")


@given(st.data())
def test_recording_with_odd_values_in_a_record(data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(RECORDS) - 1))
    kind, exchange, payload = RECORDS[number]
    changed = data.draw(misvalued(st.just(payload)))
    lines = list(LINES)
    lines[number] = line(NOW + 6 * number, kind, exchange, changed.decode())

    replayed(b"\n".join(lines) + b"\n")


@given(st.lists(damaged(st.sampled_from([liquidation_frame(), mark_frame({})])) | ODD_VALUES.map(msgspec.json.encode)))
def test_odd_bare_messages(messages: Sequence[bytes]) -> None:
    replayed(b"\n".join(messages))
