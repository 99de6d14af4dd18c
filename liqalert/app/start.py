"""What an engine starts from. The daemon and a replay begin here alike; a recording opens with it."""

from __future__ import annotations

from dataclasses import dataclass

from liqalert.core.engine import Engine
from liqalert.core.episodes import Episode
from liqalert.core.market import Instrument, Liquidation, OpenInterest, UnixTime
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.strength import DaySamples
from liqalert.core.terms import Terms
from liqalert.core.zones import Zone
from liqalert.settings import Settings

EXCHANGE = "binance"
DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT")


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
    watching_since: UnixTime | None = None
    watched_until: UnixTime | None = None


def begun(start: Start) -> Engine:
    """An engine that stands where `start` says."""
    engine = Engine(start.terms)
    engine.baselines.load(start.samples, start.open_interest)
    engine.set_rules(start.rules, start.at)
    engine.restore(
        zones=start.zones,
        ended_zones=start.ended_zones,
        episodes=start.episodes,
        liquidations=start.liquidations,
        now=start.at,
        watched_until=start.watched_until,
    )
    return engine


def terms_of(settings: Settings) -> Terms:
    return Terms(
        window_pct=settings.clusters.window_pct,
        decay_s=settings.clusters.decay_minutes * 60.0,
        min_events=settings.clusters.min_events,
        min_notional_usd=settings.alerts.min_notional_usd,
        rebuild_s=settings.clusters.rebuild_seconds,
        rearm_ratio=settings.alerts.rearm_pct / settings.alerts.distance_pct,
        cooldown_s=settings.alerts.cooldown_minutes * 60.0,
        memory_s=settings.alerts.memory_hours * 3600.0,
    )


def watched_symbols(settings: Settings) -> tuple[str, ...]:
    """The symbols that stand first and get the default rule."""
    return DEFAULT_SYMBOLS if isinstance(settings.binance.symbols, str) else settings.binance.symbols


def default_rule(settings: Settings, instrument: Instrument | None) -> Rule:
    return Rule(RuleKind.NEAR, instrument, settings.alerts.distance_pct, settings.alerts.min_strength)


def default_rules(settings: Settings) -> tuple[Rule, ...]:
    if RuleKind.NEAR not in settings.alerts.kinds:
        return ()
    return tuple(default_rule(settings, Instrument(EXCHANGE, symbol)) for symbol in watched_symbols(settings))
