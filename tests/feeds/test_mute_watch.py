"""The watch over a mute stream, with the real runner's and database's parts faked by values."""

from __future__ import annotations

from dataclasses import dataclass, field

from liqalert.board import Board
from liqalert.core.engine import Snapshot
from liqalert.core.market import FeedStatus, Gap, Instrument, Mark, UnixTime
from liqalert.feeds.mute_watch import MuteWatch, lively, watched_slots

T0 = 1_795_392_000.0
SYMBOLS = [Instrument("binance", f"C{number}USDT") for number in range(20)]


def marks(price: float) -> dict[Instrument, Mark]:
    return {instrument: Mark(instrument, price, T0, T0) for instrument in SYMBOLS}


@dataclass(slots=True)
class Place:
    """The market as the watch sees it; a past of one day with a liquidation in every slot, ending at `at`."""

    at: UnixTime = T0
    count: int = 0
    board: Board = field(default_factory=lambda: Board(Snapshot(T0, 3600.0, marks=marks(100.0))))
    alarms: list[tuple[UnixTime, str]] = field(default_factory=list)

    def now(self) -> UnixTime:
        return self.at

    async def recorded_since(self, exchange: str) -> UnixTime | None:
        return T0 - 86_400.0

    async def gaps_since(self, exchange: str, since: UnixTime) -> tuple[Gap, ...]:
        return ()

    async def heard(self, exchange: str, since: UnixTime, slot_s: float) -> frozenset[int]:
        return frozenset(range(int(since / slot_s), int(T0 / slot_s)))

    def watch(self) -> MuteWatch:
        return MuteWatch(
            "binance",
            self.board,
            clock=self,
            past=self,
            ledger=self,
            received=lambda: self.count,
            alarm=lambda since, cause: self.alarms.append((since, cause)),
        )

    async def let_pass(self, watch: MuteWatch, seconds: int) -> None:
        for _ in range(0, seconds, 5):
            self.board.feed_changed(FeedStatus("binance", True, T0, mark_at=self.at))
            await watch.look()
            self.at += 5.0


async def test_a_silence_beside_marks_that_move_raises_the_alarm() -> None:
    place = Place()
    watch = place.watch()
    place.count = 1
    await place.let_pass(watch, 60)

    place.board.snapshot = Snapshot(T0, 3600.0, marks=marks(101.0))
    await place.let_pass(watch, 600)

    since, cause = place.alarms[0]
    assert since == T0
    assert cause == "no liquidation came, though 14 were likely"


async def test_a_silence_that_is_known_raises_no_further_alarm() -> None:
    place = Place()
    watch = place.watch()
    place.count = 1
    await place.let_pass(watch, 60)
    place.board.snapshot = Snapshot(T0, 3600.0, marks=marks(101.0))

    while not place.alarms:
        await place.let_pass(watch, 5)
    place.board.feed_changed(FeedStatus("binance", True, T0, mark_at=place.at, mute_since=T0))
    await watch.look()

    assert len(place.alarms) == 1


async def test_time_in_which_liqalert_did_not_run_is_no_silence() -> None:
    """Also where the gap is not written yet."""
    place = Place(at=T0 + 28_800)
    watch = place.watch()
    place.board.feed_changed(FeedStatus("binance", False, place.at))
    await watch.look()
    gap = Gap("binance", T0, T0 + 28_830, "liqalert was not running")
    place.board.feed_changed(FeedStatus("binance", True, T0 + 28_830, mark_at=T0 + 28_830, gaps=(gap,)))

    for place.at in (T0 + 28_835, T0 + 28_840):
        await watch.look()
        place.board.snapshot = Snapshot(T0, 3600.0, marks=marks(101.0))

    assert place.alarms == []


async def test_a_silence_beside_marks_that_stand_still_is_a_quiet_market() -> None:
    place = Place()
    await place.let_pass(place.watch(), 1200)

    assert place.alarms == []


def test_marks_are_lively_when_one_in_ten_has_moved_half_a_per_cent() -> None:
    moved = marks(100.0) | dict.fromkeys(SYMBOLS[:2], Mark(SYMBOLS[0], 100.6, T0, T0))

    assert lively(marks(100.0), moved)
    assert not lively(marks(100.0), moved | {SYMBOLS[0]: Mark(SYMBOLS[0], 100.4, T0, T0)})
    assert not lively({}, moved)


def test_slots_in_gaps_were_not_watched() -> None:
    gaps = [Gap("binance", 95.0, 200.0, "closed"), Gap("binance", 290.0, None, "not running")]

    assert list(watched_slots(10.0, 330.0, gaps)) == [1, 2, 7, 8]
