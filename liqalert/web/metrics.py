"""/metrics: Prometheus, with a registry of its own. State is read when it is scraped; only durations are kept."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.process_collector import ProcessCollector

from liqalert.web.metrics_state import MetricsSources, StateCollector

TICK_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """What /metrics shows. The daemon reports durations here; everything else is read from `sources`."""

    def __init__(self, sources: MetricsSources) -> None:
        self.registry = CollectorRegistry()
        self._tick = Histogram(
            "liqalert_tick_duration_seconds",
            "How long one tick took.",
            buckets=TICK_BUCKETS_S,
            registry=self.registry,
        )
        self._lag = Gauge(
            "liqalert_loop_lag_seconds",
            "How late the event loop last woke.",
            registry=self.registry,
        )
        self._latency = Histogram(
            "liqalert_feed_message_latency_seconds",
            "Receive time minus the exchange's send time of each frame of marks.",
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.registry.register(StateCollector(sources))
        ProcessCollector(registry=self.registry)

    def tick_took(self, duration_s: float) -> None:
        self._tick.observe(duration_s)

    def received(self, latency_s: float) -> None:
        self._latency.observe(latency_s)

    def loop_lagged(self, lag_s: float) -> None:
        self._lag.set(lag_s)


class MetricsPages:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def metrics(self, request: web.Request) -> web.Response:
        """Always the plain text form, which every Prometheus reads: the Accept header may hold anything."""
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
