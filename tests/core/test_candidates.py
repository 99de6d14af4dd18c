"""Which clusters may be news for a zone: what is left out changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqalert.core.candidates import Candidates, News, candidates, zone_row
from liqalert.core.clusters import SideClusters
from liqalert.core.engine import Engine
from liqalert.core.episodes import Decision, ZoneEnded, ZoneOpened, ZoneRewritten
from liqalert.core.identity import Identity
from liqalert.core.market import Liquidation, PositionSide
from liqalert.core.strength import Baseline
from liqalert.core.terms import Terms
from liqalert.core.zones import OPENS_AT_STRENGTH, Zone, covered_by, strength_of
from tests.core.events import BASELINE, BTC, ETH, T0, liquidation, mark, zone


@pytest.fixture(autouse=True, scope="module")
def _few_are_sifted_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("liqalert.core.candidates.FEW", 0)
        yield


# Few edges, so that bands begin and end together, and points.
edges = st.integers(0, 12).map(lambda step: 100.0 * 1.005**step)
bands = st.tuples(edges, edges).map(lambda pair: (min(pair), max(pair)))
magnitudes = st.sampled_from([1e4, 2e4, 5e4, 1e5, 1e6, 1e9])
baselines = st.sampled_from([BASELINE, Baseline(ln_r=11.0, gamma=0.9, calibrated=False, version="2026-09-21")])


@st.composite
def sides(draw: st.DrawFn) -> tuple[SideClusters, list[Zone]]:
    cuts = sorted(draw(st.lists(edges, unique=True, max_size=8)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    columns = [(low, low, high, low, high, draw(magnitudes), 10.0, 10, T0, T0) for low, high in pairs]
    table = np.array(columns).reshape(-1, 10).T
    identities = tuple(Identity(f"c{number}", T0) for number in range(len(pairs)))
    owner = (BTC, PositionSide.LONG)
    clusters = SideClusters(owner, identities, table, factor=1.0, as_of=T0, baseline=draw(baselines))
    strengths = st.sampled_from([0.3, 0.5, 0.9, 1.0 - 2**-53])
    living = draw(st.lists(st.tuples(bands, strengths, baselines), max_size=5))
    return clusters, [
        Zone(**{**fields(zone(*band, strength=strength, name=str(number))), "baseline": baseline})
        for number, (band, strength, baseline) in enumerate(living)
    ]


@given(st.lists(sides(), min_size=1, max_size=4))
def test_what_is_certain_to_do_nothing_does_nothing(given: list[tuple[SideClusters, list[Zone]]]) -> None:
    held = [clusters for clusters, _ in given]
    found = candidates(held, 1.0, Terms(min_notional_usd=2e4, min_events=1))
    news = {
        each.side: each for each in found.news([[*map(zone_row, zones)] for _, zones in given], [None] * len(given))
    }

    assert list(news) == sorted(news)
    for side, (clusters, zones) in enumerate(given):
        big = {place: cluster for place, cluster in enumerate(clusters) if cluster.notional_usd >= 2e4}
        made = news[side].made if side in news else {}
        assert all(cluster == big[place] for place, cluster in made.items())
        for place in big.keys() - made.keys():
            covered = covered_by(big[place], zones)
            if covered:
                strongest = max(covered, key=lambda zone: (zone.strength, zone.id))
                assert strength_of(big[place], strongest.baseline) <= strongest.strength
            else:
                assert big[place].strength < OPENS_AT_STRENGTH
        strengths = [big[place].strength for place in news[side].places] if side in news else []
        assert strengths == sorted(strengths, reverse=True)
        if side in news:
            # Behind the first that may be news, none is missing that is weaker.
            assert len(strengths) > sum(cluster.strength < strengths[0] for cluster in big.values())


liquidations = st.builds(
    liquidation,
    price=st.integers(0, 60).map(lambda step: 1000.0 * 1.003**step),
    usd=st.sampled_from([1e4, 1e5, 1e6, 3e7]),
    at=st.integers(0, 5).map(lambda at: T0 + at),
    instrument=st.sampled_from([BTC, ETH]),
    liquidated=st.sampled_from(PositionSide),
)
ticks = st.lists(st.tuples(st.lists(liquidations, max_size=30), st.integers(1, 2000)), max_size=8)


@given(ticks)
def test_zones_become_what_they_would_if_every_cluster_were_looked_at(
    given: list[tuple[list[Liquidation], int]],
) -> None:
    sifted = decisions(given)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Candidates, "_may_be_news", lambda self, zones: np.ones(len(self._places), np.bool_))
        assert decisions(given) == sifted


def test_only_what_has_outgrown_its_zone_is_news() -> None:
    bands, sizes = [(100.0, 101.0), (110.0, 111.0), (120.0, 121.0)], (1e6, 2e6, 3e6)
    columns = [
        (low, low, high, low, high, usd, 10.0, 10, T0, T0) for (low, high), usd in zip(bands, sizes, strict=True)
    ]
    identities = tuple(Identity(name, T0) for name in "abc")
    owner = (BTC, PositionSide.LONG)
    side = SideClusters(owner, identities, np.array(columns).T, factor=1.0, as_of=T0, baseline=BASELINE)
    usual = [zone(*band, strength=cluster.strength) for band, cluster in zip(bands, side, strict=True)]
    outgrown = [*usual[:1], zone(*bands[1], strength=side[0].strength), *usual[2:]]

    # A hair weaker than their zones.
    found = candidates([side, side], 1.0 - 1e-8, Terms())
    news = [*found.news([[*map(zone_row, usual)], [*map(zone_row, outgrown)]], {})]

    assert news == [News(1, [1, 0], {1: side[1]}, aged=False)]


def fields(of: Zone) -> dict[str, object]:
    return {name: getattr(of, name) for name in of.__struct_fields__}


def decisions(given: Sequence[tuple[list[Liquidation], int]]) -> list[Decision]:
    engine = Engine(Terms(min_events=1, min_notional_usd=1e4))
    for instrument in (BTC, ETH):
        engine.mark(mark(1100.0, T0, instrument))
    now, found = T0, list[Decision]()
    for arrived, steps in given:
        now += steps * 5.0
        for each in arrived:
            engine.add(
                liquidation(
                    each.price,
                    each.notional_usd,
                    now - each.event_time + T0,
                    instrument=each.instrument,
                    liquidated=each.liquidated,
                ),
                now,
            )
        found += engine.tick(now)[1]
    return [each for each in found if isinstance(each, ZoneOpened | ZoneRewritten | ZoneEnded)]
