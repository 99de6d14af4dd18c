"""Clusters: what the liquidations of one instrument and position side inside one price window amount to."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from liqalert.core.market import Instrument, PositionSide, UnixTime
from liqalert.core.strength import Baseline, magnitude


class Cluster(Struct, frozen=True, gc=False):
    """Liquidations of one instrument and position side inside one price window, as of `as_of`.

    Prices are quote per base. `notional_usd` and `weighted_count` are time-weighted, and only they (with `strength`,
    which follows from them) change as time passes: `decayed` gives the same cluster later.
    """

    id: str
    instrument: Instrument
    liquidated: PositionSide
    price: float
    """Mean price, weighted by time-weighted notional."""
    price_low: float
    price_high: float
    band_low: float
    band_high: float
    """The band holds the middle 98 % of the time-weighted notional."""
    notional_usd: float
    weighted_count: float
    count: int
    """The plain number of liquidations."""
    largest_usd: float
    """The largest single liquidation, not time-weighted."""
    oldest_at: UnixTime
    newest_at: UnixTime
    as_of: UnixTime
    baseline: Baseline
    split_from: str | None = None
    basis: str = "realised"

    @property
    def strength(self) -> float:
        """How unusual this is for this instrument and position side, between 0 and 1 (models: absolute strength)."""
        return self.baseline.strength(magnitude(self.notional_usd, self.weighted_count))

    def decayed(self, factor: float, now: UnixTime) -> Cluster:
        """This cluster at `now`, when every weight has shrunk by `factor`."""
        return replace(
            self,
            notional_usd=self.notional_usd * factor,
            weighted_count=self.weighted_count * factor,
            as_of=now,
        )
