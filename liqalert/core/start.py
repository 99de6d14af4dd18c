"""What an engine starts from. The daemon, a replay and the library begin here alike; a recording opens with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from liqalert.core.alerts import Alert
from liqalert.core.engine import Engine
from liqalert.core.episodes import Episode
from liqalert.core.market import Gap, Liquidation, OpenInterest, UnixTime
from liqalert.core.rules import Rule
from liqalert.core.strength import DaySamples
from liqalert.core.terms import Terms
from liqalert.core.zones import Zone


@dataclass(frozen=True, slots=True)
class Start:
    """Everything that decides and is no frame, as of `at`."""

    at: UnixTime
    terms: Terms
    rules: tuple[Rule, ...] = ()
    samples: tuple[DaySamples, ...] = ()
    open_interest: tuple[OpenInterest, ...] = ()
    zones: tuple[Zone, ...] = ()
    ended_zones: tuple[Zone, ...] = ()
    episodes: tuple[Episode, ...] = ()
    liquidations: tuple[Liquidation, ...] = ()
    told: tuple[Alert, ...] = ()
    """Cascades of the last day: what goes on is not told again."""
    watching_since: UnixTime | None = None
    watched_until: UnixTime | None = None
    gaps: tuple[Gap, ...] = ()
    """The newest that are known, oldest first: they decide nothing, and are shown."""

    def without_history(self) -> Start:
        """Without what was before, once an engine has begun with it: that may be half a day of liquidations."""
        return replace(self, zones=(), ended_zones=(), episodes=(), liquidations=())


def begun(start: Start) -> Engine:
    """An engine that stands where `start` says."""
    engine = Engine(start.terms)
    engine.load_baselines(start.samples, start.open_interest)
    engine.set_rules(start.rules, start.at)
    engine.restore(
        zones=start.zones,
        ended_zones=start.ended_zones,
        episodes=start.episodes,
        liquidations=start.liquidations,
        told=start.told,
        now=start.at,
        watched_until=start.watched_until,
    )
    return engine
