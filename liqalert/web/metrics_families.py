"""The forms of a metric whose values are read at the moment of a scrape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

Samples: TypeAlias = Iterable[tuple[tuple[str, ...], float]]
"""Label values and the value that belongs to them."""


def plain(name: str, meaning: str, value: float) -> Metric:
    """A gauge without labels."""
    return gauge(name, meaning, by=(), samples=[((), value)])


def gauge(name: str, meaning: str, *, by: tuple[str, ...], samples: Samples) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=by)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def counter(name: str, meaning: str, *, by: tuple[str, ...], samples: Samples) -> Metric:
    """`name` without `_total`, which the text form adds."""
    family = CounterMetricFamily(name, meaning, labels=by)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
