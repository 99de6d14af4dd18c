"""What the endpoints read. Each Protocol is satisfied by one part of the daemon."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from liqalert.board import Board
from liqalert.clock import Clock
from liqalert.core.heatmap import HeatmapGrid
from liqalert.core.market import Gap, Instrument, Liquidation, PositionSide, UnixTime


class Grids(Protocol):
    """Gives grids as of now, computed once for any number of askers. Raises StorageError."""

    async def grid(self, instrument: Instrument, range_name: str) -> HeatmapGrid: ...


class Sums(Protocol):
    """Adds up recorded liquidations; of a span the end itself is not counted. Raises StorageError."""

    async def per_interval(
        self, instruments: Collection[Instrument], *, since: UnixTime, until: UnixTime, interval_s: float
    ) -> dict[tuple[int, PositionSide], float]:
        """US dollars by the number of the interval, counted from `since`, and position side."""
        ...

    async def per_instrument(
        self, *, since: UnixTime, until: UnixTime
    ) -> dict[tuple[Instrument, PositionSide], float]: ...

    async def newest(
        self, instruments: Collection[Instrument], *, since: UnixTime, until: UnixTime, min_usd: float, limit: int
    ) -> tuple[Liquidation, ...]:
        """Newest first."""
        ...


class Recordings(Protocol):
    """Knows when an exchange was watched. Raises StorageError."""

    async def recorded_since(self, exchange: str) -> UnixTime | None: ...

    async def gaps_since(self, exchange: str, since: UnixTime) -> tuple[Gap, ...]:
        """Those that end after `since`, or have no end yet."""
        ...


@dataclass(frozen=True, slots=True)
class CoinglassSources:
    board: Board
    clock: Clock
    grids: Grids
    sums: Sums
    recordings: Recordings
