"""What /metrics says about the database: whether it takes what it is given, and what that costs while it does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric

from liqalert.web.metrics_families import counter, gauge, plain


@dataclass(frozen=True, slots=True)
class StorageFigures:
    """From memory, at once. Kinds: `liquidations`, `gaps`, `candles`, `decisions` (batches), `alerts` (in memory)."""

    writable: bool = True
    free_bytes: int | None = None
    """Of the file system that holds the database; None for a server."""
    waiting: tuple[tuple[str, int], ...] = ()
    """By kind: how many wait in memory to be written."""
    dropped: tuple[tuple[str, int], ...] = ()
    """By kind: how many were given up since the start, because memory was full or no database can take them."""


def storage_metrics(figures: StorageFigures) -> Iterator[Metric]:
    yield plain("liqalert_database_writable", "1 while the database takes what it is given.", figures.writable)
    if figures.free_bytes is not None:
        yield plain("liqalert_database_free_bytes", "Free on the database's file system.", figures.free_bytes)
    by = ("kind",)
    waiting = [((kind,), count) for kind, count in figures.waiting]
    yield gauge("liqalert_database_waiting", "What waits in memory to be written.", by=by, samples=waiting)
    yield counter(
        "liqalert_database_dropped",
        "What was never written and is given up, since the start.",
        by=by,
        samples=[((kind,), count) for kind, count in figures.dropped],
    )
