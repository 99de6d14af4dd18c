"""The zones of a snapshot: those of one instrument, without a look at the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

import pytest

from liqalert.core.engine import Engine
from liqalert.core.episodes import EpisodeState
from liqalert.core.market import Instrument
from liqalert.core.terms import Terms
from liqalert.core.views import NO_ZONES, Kept, ZoneViews
from tests.core.events import BTC, ETH, T0, liquidation, zone

ARMED = EpisodeState.ARMED


class NeverLookedThrough(Mapping[Instrument, tuple[Kept, ...]]):
    def __init__(self, content: Mapping[Instrument, tuple[Kept, ...]]) -> None:
        self._content = content

    def __getitem__(self, instrument: Instrument) -> tuple[Kept, ...]:
        return self._content[instrument]

    def __iter__(self) -> Iterator[Instrument]:
        raise AssertionError("all instruments were looked at")

    def __len__(self) -> int:
        return len(self._content)


def test_those_of_one_instrument_are_given_without_a_look_at_the_others() -> None:
    one, other, third = zone(name="a"), zone(name="b"), zone(name="c")
    views = ZoneViews(NeverLookedThrough({BTC: ((one, ARMED), (other, ARMED)), ETH: ((third, ARMED),)}), {}, T0, 3600.0)

    assert [(view.zone, view.state) for view in views.of(BTC)] == [(one, ARMED), (other, ARMED)]
    assert views.of(Instrument("binance", "NEVERSEEN")) == ()


def test_they_are_the_same_one_by_one_as_all_together() -> None:
    engine, seconds = Engine(Terms(rebuild_s=5.0)), count()
    for instrument, price in ((BTC, 100.0), (ETH, 50.0), (BTC, 200.0)):
        for _ in range(20):
            engine.add(liquidation(price, 1e6, T0 + next(seconds), instrument=instrument), T0 + 60.0)
    snapshot, _ = engine.tick(T0 + 60.0)
    zones = snapshot.zones

    assert len(zones) == 3
    assert [*zones] == [zones[place] for place in range(3)] == [*zones.of(BTC), *zones.of(ETH)]
    assert zones[1:] == tuple(zones)[1:]
    assert zones.instruments() == {BTC, ETH}
    assert [*zones.states()] == [view.state for view in zones]
    # As strong as the cluster that it is made of, which has only just been cut.
    assert [view.strength_now for view in zones] == pytest.approx([view.zone.strength for view in zones])


def test_a_zone_without_a_cluster_has_no_strength_now() -> None:
    [view] = ZoneViews({BTC: ((zone(), ARMED),)}, {}, T0, 3600.0)

    assert view.strength_now == 0.0
    assert NO_ZONES.instruments() == set()
