"""What was left out becomes a gap."""

from __future__ import annotations

from liqalert.core.market import Gap, Stream
from liqalert.feeds.sparing import Spared


def test_a_stretch_begins_with_its_first_frame_and_the_next_one_anew() -> None:
    spared = Spared("binance")

    assert [spared.count(at) for at in (10.0, 11.0, 12.0)] == [True, False, False]
    cause = "more liquidations came than could be taken in: 3 were left out"
    assert spared.end(15.0) == Gap("binance", 10.0, 15.0, cause, Stream.LIQUIDATIONS)

    assert spared.frames == 0
    assert spared.count(20.0) is True
    assert spared.end(19.0) == Gap("binance", 20.0, 20.0, cause.replace("3", "1"), Stream.LIQUIDATIONS)
