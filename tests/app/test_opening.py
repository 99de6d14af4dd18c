"""What the files of a recording begin with is what was in force when each was begun."""

from __future__ import annotations

import msgspec

from liqalert.app.opening import Opening
from liqalert.board import Board
from liqalert.core.engine import Engine, Snapshot
from liqalert.core.market import OpenInterest, PositionSide
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.start import Start, begun
from liqalert.core.strength import DaySamples
from liqalert.core.terms import Terms
from tests.core.events import BTC, ETH, T0, mark

HOUR, DAY = 3600.0, 86_400.0
OF_BTC, OF_ETH = Rule(RuleKind.NEAR, BTC, 1.0, 0.6), Rule(RuleKind.NEAR, ETH, 0.5, 0.3)
EARLIER = DaySamples(BTC, PositionSide.LONG, "2026-09-20", ((40, 288),))
"""The day before that of T0."""
START = Start(T0, Terms(), (OF_BTC,), (EARLIER,), (OpenInterest(BTC, 1e9, T0 - DAY),))


def first(opening: Opening, at: float) -> Start:
    kind, _, payload = opening(at)[0]
    assert kind == ("start" if at == T0 else "context")
    return msgspec.json.decode(payload, type=Start)


def watched(engine: Engine, began: float, ended: float) -> None:
    """Both instruments, for as long; every five minutes each side is sampled."""
    engine.watch(T0 - DAY, began)
    engine.marks([mark(60_000.0, began), mark(3_000.0, began, ETH)])
    for number in range(int((ended - began) / 300.0) + 1):
        engine.tick(began + number * 300.0)


def test_a_later_file_begins_with_the_rules_and_the_open_interest_of_its_time() -> None:
    engine = begun(START)
    opening = Opening(START, engine, Board(Snapshot(T0, 3600.0)))

    began = first(opening, T0)
    engine.set_rules((OF_BTC, OF_ETH), T0 + 60)
    engine.learn(OpenInterest(ETH, 2e9, T0 + 60), T0 + 60)
    engine.learn(OpenInterest(BTC, 3e9, T0 + 60), T0 + 60)
    later = first(opening, T0 + HOUR)

    assert began == START
    assert set(later.rules) == {OF_BTC, OF_ETH}
    assert {each.instrument: each.usd for each in later.open_interest} == {BTC: 3e9, ETH: 2e9}


def test_a_later_file_begins_with_what_was_sampled_until_then() -> None:
    engine = begun(START)
    opening = Opening(START, engine, Board(Snapshot(T0, 3600.0)))
    first(opening, T0)

    for hour in range(1, 60):
        watched(engine, T0 + (hour - 1) * HOUR, T0 + hour * HOUR)
        later = first(opening, T0 + hour * HOUR)

    sampled = engine.baselines.history()[0] + engine.surges.baselines.history()[0]
    assert sorted(later.samples, key=repr) == sorted(sampled, key=repr)
    assert {row.day for row in later.samples} == {"2026-09-20", "2026-09-21", "2026-09-22", "2026-09-23", "2026-09-24"}
    known = begun(later).baselines
    for owner in ((BTC, PositionSide.LONG), (ETH, PositionSide.SHORT)):
        assert known.of(owner, T0 + 4 * DAY) == engine.baselines.of(owner, T0 + 4 * DAY)
