"""From Settings to the terms, the watched instruments and the rules that everyone begins with."""

from __future__ import annotations

from collections.abc import Sequence

from liqalert.core.exchanges import BINANCE
from liqalert.core.market import Instrument
from liqalert.core.rules import Rule, Thresholds, rule_of
from liqalert.core.terms import Terms
from liqalert.ports import Standard
from liqalert.settings import Settings

DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT")


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


def thresholds_of(settings: Settings) -> Thresholds:
    """What rules are made from where a chat has said nothing else."""
    return Thresholds(settings.alerts.distance_pct, settings.alerts.min_strength, settings.alerts.large_usd)


def watched_instruments(settings: Settings) -> tuple[Instrument, ...]:
    return tuple(Instrument(BINANCE, symbol) for symbol in watched_symbols(settings))


def standard_of(settings: Settings) -> Standard:
    return Standard(watched_instruments(settings), settings.alerts.kinds, thresholds_of(settings))


def default_rules(settings: Settings, scopes: Sequence[Instrument | None] | None = None) -> tuple[Rule, ...]:
    """The rules that every allowed chat holds until it says otherwise; for `scopes` (None among them: every
    instrument) instead of the watched instruments."""
    thresholds = thresholds_of(settings)
    return tuple(
        rule_of(kind, instrument, thresholds)
        for instrument in (watched_instruments(settings) if scopes is None else scopes)
        for kind in settings.alerts.kinds
    )
