"""What /metrics reads from the engine and of the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric

from liqalert.core.baselines import Owner
from liqalert.core.strength import Baseline
from liqalert.web.metrics_families import counter, gauge, plain


@dataclass(frozen=True, slots=True)
class Figures:
    liquidations: tuple[tuple[str, int], ...] = ()
    """What became of them since the start: verdict, how many."""
    baselines: tuple[tuple[Owner, Baseline], ...] = ()
    """Of the watched instruments."""
    clock_off_s: float = 0.0
    """How far the machine's clock is ahead of the time that liqalert goes by."""


def figure_metrics(figures: Figures) -> Iterator[Metric]:
    yield counter(
        "liqalert_liquidations",
        "Liquidations received since the start, by what became of them.",
        by=("verdict",),
        samples=[((verdict,), count) for verdict, count in figures.liquidations],
    )
    yield from _baselines(figures)
    yield plain(
        "liqalert_clock_off_seconds",
        "How far the machine's clock is ahead of the time that liqalert goes by; not 0 after a jump.",
        figures.clock_off_s,
    )


def _baselines(figures: Figures) -> Iterator[Metric]:
    by = ("exchange", "symbol", "liquidated")
    known = [((*_names(owner), owner[1].value), baseline) for owner, baseline in figures.baselines]
    yield gauge(
        "liqalert_strength_baseline_magnitude",
        "The magnitude of a cluster of strength 0.5, of the watched instruments.",
        by=by,
        samples=[(labels, baseline.magnitude(0.5)) for labels, baseline in known],
    )
    yield gauge(
        "liqalert_strength_baseline_calibrated",
        "1 while the open interest behind it is known.",
        by=by,
        samples=[(labels, baseline.calibrated) for labels, baseline in known],
    )


def _names(owner: Owner) -> tuple[str, str]:
    return owner[0].exchange, owner[0].symbol
