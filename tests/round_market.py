"""A market with round numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import structs

from liqalert.core.alerts import Alert, Evidence
from liqalert.core.baselines import Owner
from liqalert.core.clusters import Cluster, SideClusters
from liqalert.core.engine import Snapshot
from liqalert.core.episodes import Episode, EpisodeState, Reason, Transition
from liqalert.core.identity import Identity
from liqalert.core.market import FeedStatus, Gap, Instrument, Mark, PositionSide
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.strength import Baseline
from liqalert.core.views import ZoneViews
from liqalert.core.zones import Zone
from liqalert.ports import (
    AlertRow,
    DeliveryRow,
    DeliveryStatus,
)
from tests.changing import replace

NOW = 1_763_906_700.0
"""2025-11-23 14:05:00 UTC."""
MINUTE, HOUR = 60.0, 3600.0
BTC, ETH, SOL, PEPE, CHINESE = (
    Instrument("binance", symbol) for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "1000PEPEUSDT", "币安人生USDT")
)
BASELINE = Baseline(ln_r=10.361632918473205, gamma=1.0, calibrated=True, version="2025-11-23")
"""Strength 0.5 at 1,000,000 USD in 10 liquidations."""
GUESSED = replace(BASELINE, calibrated=False)
ALIVE = FeedStatus(
    "binance",
    alive=True,
    since=NOW - 5 * HOUR,
    mark_at=NOW - 1.0,
    latency_s=0.12,
    latency_frames=60,
    connected=2,
    connections=2,
)
DEAD = FeedStatus(
    "binance", alive=False, since=NOW - 3 * MINUTE, mark_at=NOW - 3 * MINUTE, problem="No mark for 3 minutes <check>."
)
RULE = Rule(RuleKind.NEAR, BTC, 1.0, 0.6)
ADDRESS, OWNER_ADDRESS, STRANGER = 77, 42, 99


def cluster(
    low: float,
    high: float,
    *,
    instrument: Instrument = BTC,
    liquidated: PositionSide = PositionSide.LONG,
    usd: float = 5_000_000.0,
    baseline: Baseline = BASELINE,
) -> Cluster:
    return Cluster(
        id=f"{low:g}",
        instrument=instrument,
        liquidated=liquidated,
        price=(low + high) / 2,
        price_low=low,
        price_high=high,
        band_low=low,
        band_high=high,
        notional_usd=usd,
        weighted_count=10.0,
        count=42,
        oldest_at=NOW - HOUR,
        newest_at=NOW - 3 * MINUTE,
        as_of=NOW,
        baseline=baseline,
    )


def zone(low: float, high: float, *, instrument: Instrument = BTC, strength: float = 0.91) -> Zone:
    return Zone(
        id=f"zone{low:g}",
        cluster_id="clusters",
        instrument=instrument,
        liquidated=PositionSide.LONG,
        low=low,
        high=high,
        strength=strength,
        notional_usd=8_000_000.0,
        count=61,
        opened_at=NOW - 6 * HOUR,
        peak_at=NOW - 5 * HOUR,
        baseline=BASELINE,
    )


def mark(instrument: Instrument, price: float) -> Mark:
    return Mark(instrument, price, NOW - 1.1, NOW - 1.0)


def sides_of(clusters: Iterable[Cluster]) -> dict[Owner, SideClusters]:
    """As an engine would hold them; all of a side are measured alike."""
    by_owner: dict[Owner, list[Cluster]] = {}
    for one in clusters:
        by_owner.setdefault((one.instrument, one.liquidated), []).append(one)
    return {owner: _side(owner, sorted(of_side, key=lambda one: one.price)) for owner, of_side in by_owner.items()}


def _side(owner: Owner, clusters: Sequence[Cluster]) -> SideClusters:
    identities = tuple(Identity(one.id, one.oldest_at, one.split_from) for one in clusters)
    [as_of] = {one.as_of for one in clusters}
    [baseline] = {one.baseline for one in clusters}
    table = np.array([structs.astuple(one)[3:-4] for one in clusters]).T
    return SideClusters(owner, identities, table, 1.0, as_of, baseline)


def armed(zones: Iterable[Zone], now: float, sides: Mapping[Owner, SideClusters]) -> ZoneViews:
    by_instrument: dict[Instrument, tuple[tuple[Zone, EpisodeState], ...]] = {}
    for one in zones:
        before = by_instrument.get(one.instrument, ())
        by_instrument[one.instrument] = (*before, (one, EpisodeState.ARMED))
    return ZoneViews(by_instrument, sides, now, HOUR)


def snapshot(*clusters: Cluster, zones: Sequence[Zone] = (), marks: Sequence[Mark] = ()) -> Snapshot:
    sides = sides_of(clusters)
    return Snapshot(
        as_of=NOW - 4.0,
        decay_s=HOUR,
        watching_since=NOW - 5 * HOUR,
        sides=sides,
        zones=armed(zones, NOW - 4.0, sides),
        marks={one.instrument: one for one in marks},
    )


def market() -> Snapshot:
    """BTC with a cluster on either side and a zone without one, ETH quiet, PEPE and a non-ASCII symbol strong."""
    return snapshot(
        cluster(59_000.0, 59_500.0),
        cluster(60_300.0, 60_300.0, liquidated=PositionSide.SHORT, usd=2_000_000.0, baseline=GUESSED),
        cluster(50_000.0, 50_100.0, usd=10_000.0),
        cluster(0.011, 0.0112, instrument=PEPE, usd=9_000_000.0),
        cluster(0.5, 0.51, instrument=CHINESE, usd=6_000_000.0),
        zones=[zone(59_100.0, 59_400.0), zone(57_000.0, 57_500.0, strength=0.8)],
        marks=[mark(BTC, 60_000.0), mark(ETH, 3_000.0), mark(SOL, 150.0), mark(PEPE, 0.0115), mark(CHINESE, 0.5)],
    )


# ---------------------------------------------------------------- alerts


def evidence(**changes: float) -> Evidence:
    seen = Evidence(
        mark_price=59_953.0,
        mark_at=NOW - HOUR,
        distance_pct=0.93,
        rule_distance_pct=1.0,
        rearm_pct=1.4,
        zone_strength=0.91,
        strength_now=0.1,
        min_strength=0.6,
    )
    return structs.replace(seen, **changes)


def alert_row(*, outcome: EpisodeState | None = EpisodeState.SWEPT) -> AlertRow:
    """A near alert of an hour ago, told to two chats."""
    episode = Episode(
        id="episode1",
        rule=RULE,
        zone_id="zone59100",
        state=outcome or EpisodeState.NEAR,
        since=NOW - HOUR / 2,
        alert_id="ab12cd34",
        outcome=outcome,
        furthest=59_500.0 if outcome is EpisodeState.SWEPT else 59_029.2,
    )
    alert = Alert(
        id="ab12cd34",
        kind="near",
        decided_at=NOW - HOUR,
        reason=Reason.WITHIN_DISTANCE,
        rule=RULE,
        zone=zone(59_100.0, 59_400.0),
        episode_id="episode1",
        evidence=evidence(),
    )
    return AlertRow(
        alert,
        episode,
        deliveries=(
            DeliveryRow("telegram", str(ADDRESS), DeliveryStatus.SENT, 1, NOW - HOUR),
            DeliveryRow("telegram", str(OWNER_ADDRESS), DeliveryStatus.LATE, 7, NOW - HOUR, "Bad Gateway <502>"),
        ),
        transitions=(
            Transition(
                replace(episode, state=EpisodeState.ARMED),
                EpisodeState.IDLE,
                NOW - 2 * HOUR,
                Reason.BEYOND_REARM_DISTANCE,
                evidence(distance_pct=2.0, mark_price=61_000.0),
            ),
            Transition(
                replace(episode, state=EpisodeState.NEAR),
                EpisodeState.ARMED,
                NOW - HOUR,
                Reason.WITHIN_DISTANCE,
                evidence(),
            ),
        ),
    )


# ---------------------------------------------------------------- what the bot calls
GAPS = (
    Gap("binance", NOW - 26 * HOUR, NOW - 25 * HOUR, "liqalert was not running"),
    Gap("binance", NOW - 3 * MINUTE, None, "no mark for 5 s"),
)
EMPTY = Snapshot(as_of=NOW - 4.0, decay_s=HOUR)
