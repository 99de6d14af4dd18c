"""What the daemon's database holds in the end, and what of the exchange's liquidations it lacks."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

EDGE_S = 0.5
"""A gap begins with the last frame that was received; one sent shortly before was still under way."""

Span: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sent:
    """One liquidation of the exchange. No two have the same symbol and quantity."""

    symbol: str
    quantity: float
    at: float
    """The exchange's time."""

    @property
    def key(self) -> tuple[str, float]:
        return self.symbol, self.quantity


@dataclass(frozen=True, slots=True)
class Kept:
    liquidations: frozenset[tuple[str, float]]
    gaps: tuple[Span, ...]
    watching_since: float | None


def read_kept(path: Path) -> Kept:
    """What stands in the SQLite file at `path`, which no daemon may be writing."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT symbol, quantity FROM liquidations").fetchall()
        gaps = connection.execute("SELECT start_at, end_at FROM feed_gaps ORDER BY start_at").fetchall()
        [since] = connection.execute("SELECT min(watching_since) FROM feed_heartbeats").fetchone()
    ended = tuple((start, end) for start, end in gaps if end is not None)
    return Kept(frozenset((symbol, float(quantity)) for symbol, quantity in rows), ended, since)


def remember_liquidations(path: Path, now: float, *, hours: int) -> None:
    """Writes what an earlier run would have seen: one liquidation every half minute until `now`."""
    times = [now - 30.0 * step for step in range(1, hours * 120)]
    columns = "exchange, symbol, event_time, received_time, liquidated, price, quantity, notional_usd"
    rows = [("binance", "PASTUSDT", at, at, "long", 100.0, 1.0, 100.0) for at in times]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(f"INSERT INTO liquidations ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def missing(sent: Sequence[Sent], kept: Collection[tuple[str, float]]) -> tuple[Sent, ...]:
    return tuple(event for event in sent if event.key not in kept)


def unexplained(lost: Sequence[Sent], gaps: Sequence[Span], edge_s: float = EDGE_S) -> tuple[Sent, ...]:
    """Those of `lost` that lie in no gap, nor within `edge_s` of one."""
    return tuple(event for event in lost if not any(a - edge_s <= event.at <= b + edge_s for a, b in gaps))


def length_s(spans: Sequence[Span]) -> float:
    """How long `spans` are together; where they overlap, time counts once."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
