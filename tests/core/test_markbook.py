"""Marks taken as a frame and the same marks one by one."""

from __future__ import annotations

from hypothesis import given
from msgspec.structs import replace

from liqalert.core.engine import Engine
from liqalert.core.frames import framed
from liqalert.core.markbook import MarkBook
from liqalert.core.market import Mark
from liqalert.core.rules import Quiet, Rule, RuleKind
from liqalert.core.start import Start, begun
from liqalert.core.terms import Terms
from liqalert.core.zones import Zone
from tests.core.events import T0, zone
from tests.core.frames import MANY, Step, frames, steps

RULES = tuple(Rule(RuleKind.NEAR, None, distance_pct, 0.5) for distance_pct in (0.5, 1.0, 3.0))


def zones() -> tuple[Zone, ...]:
    """Two of each instrument: what is quiet for one is not for another."""
    return tuple(
        replace(
            zone(), id=f"z{number}-{low}", instrument=instrument, low=low + number / 10, high=low + 1.0 + number / 10
        )
        for number, instrument in enumerate(MANY)
        for low in (96.0, 101.5)
    )


def started() -> Engine:
    engine = begun(Start(T0, Terms(cooldown_s=3.0, memory_s=3000.0), rules=RULES, zones=zones()))
    engine.watch(T0, T0)
    return engine


@given(steps)
def test_a_frame_decides_what_its_marks_decide_one_by_one(found: list[Step]) -> None:
    together, one_by_one = started(), started()

    for marks in frames(found, T0):
        decided = together.marks(framed(marks))

        assert decided == [decision for mark in marks for decision in one_by_one.mark(mark)]
        now = marks[0].received_time
        assert together.snapshot(now) == one_by_one.snapshot(now)
        if now > T0 + 100.0:
            assert together.set_rules(RULES[1:], now) == one_by_one.set_rules(RULES[1:], now)


def resting() -> MarkBook:
    """Every instrument has been seen at 100 and may move by less than 1."""
    book = MarkBook()
    for instrument in MANY:
        mark = Mark(instrument, 100.0, T0, T0)
        book.take(mark)
        book.rest(mark, Quiet(99.0, 101.0, T0 + 3600.0), awaited=instrument == MANY[1])
    return book


def test_only_the_marks_of_a_frame_that_leave_their_range_are_looked_at() -> None:
    book = resting()
    marks = [Mark(instrument, 100.5, T0 + 1.0, T0 + 1.0) for instrument in MANY]
    marks[5] = Mark(MANY[5], 101.0, T0 + 1.0, T0 + 1.0)

    looked_at = list(book.sift(framed(marks)))

    assert looked_at == [marks[5]]
    assert book.get(MANY[5]) == Mark(MANY[5], 100.0, T0, T0)
    assert [book.get(instrument) for instrument in MANY[6:]] == marks[6:]


def test_where_someone_waits_for_it_the_extremes_of_frames_and_single_marks_are_kept() -> None:
    book = resting()
    for second, price in enumerate((99.5, 100.5, 100.0)):
        list(book.sift(framed([Mark(instrument, price, T0 + second, T0 + second) for instrument in MANY])))
    list(book.sift([Mark(MANY[1], 100.9, T0 + 4.0, T0 + 4.0)]))

    assert book.extremes(MANY[1]) == (99.5, 100.9)
    assert book.extremes(MANY[2]) is None
