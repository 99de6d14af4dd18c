"""A cluster as scripts see it, and the list of them that says as of when it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import pandas

    from liqalert.core.clusters import Cluster

Side: TypeAlias = Literal["long", "short"]
StrengthScale: TypeAlias = Literal["absolute", "relative"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationCluster:
    """Liquidations of one contract and one position side within one price window (2 % unless set otherwise)."""

    symbol: str
    """The exchange's own, like BTCUSDT."""
    price_level: float
    """Mean price, weighted by time-weighted notional; quote per base, like all prices here."""
    price_low: float
    price_high: float
    side: Side
    """Whose positions were liquidated: "long" or "short"."""
    liquidation_count: int | None
    """The plain number of liquidations; None where the source does not tell."""
    total_notional: float
    """US dollars, time-weighted: a liquidation counts 37 % after `time_decay_minutes`."""
    strength: float
    """0 to 1: how unusual this is for this contract and side; with `strength="relative"`, its share of the biggest."""
    distance_from_price: float | None
    """From the price to `price_level`, in per cent of the price, never negative; None while no price is known."""
    last_updated: datetime
    """When its newest liquidation was executed; where the source does not tell, as of when it is. UTC."""
    cluster_id: str
    """The same for as long as this is the same cluster, though its range moves."""
    as_of: datetime
    """Up to when the market had been seen. UTC."""
    calibrated: bool
    """False: the contract's open interest is not known, and the strength is a guess."""
    basis: Literal["realised", "projected"] = "realised"
    """"realised": executed liquidations. "projected": a vendor's estimates of levels not yet liquidated."""

    def to_dict(self) -> dict[str, object]:
        """All fields, ready for JSON: times as text like 2026-11-23T14:05:00+00:00."""
        return asdict(self) | {"last_updated": self.last_updated.isoformat(), "as_of": self.as_of.isoformat()}

    def seen_from(self, price: float | None) -> LiquidationCluster:
        """This cluster with its distance from `price`."""
        return replace(self, distance_from_price=distance_pct(self.price_level, price))


class Clusters(list[LiquidationCluster]):
    """Clusters, strongest first, with what must be known to trust them. An empty one is a quiet market only if `alive`.

    A list of its own for every caller: change it as you like.
    """

    def __init__(
        self,
        clusters: Iterable[LiquidationCluster] = (),
        *,
        as_of: datetime | None = None,
        alive: bool = False,
        problem: str | None = None,
        price: float | None = None,
        symbol: str | None = None,
    ) -> None:
        super().__init__(clusters)
        self.as_of = as_of
        """Up to when the market had been seen (UTC); None: nothing has been seen yet."""
        self.alive = alive
        """Whether this was proven to be the market of now when it was made. Never true of a recording."""
        self.problem = problem
        """Why it is not alive, in a sentence."""
        self.price = price
        """From which the distances are; None while none is known."""
        self.symbol = symbol
        """The exchange's own, of the contract that was asked about; None where the source does not tell."""

    def __repr__(self) -> str:
        state = "alive" if self.alive else f"not alive: {self.problem}"
        return f"<{len(self)} clusters as of {self.as_of}, {state}: {list(self)}>"


def to_frame(clusters: Sequence[LiquidationCluster]) -> pandas.DataFrame:
    """A pandas DataFrame with a row for each cluster and a column for each field, also of none.

    Raises ImportError where pandas is not installed: liqalert does not need it and does not bring it.
    """
    try:
        import pandas
    except ImportError as exc:
        raise ImportError("to_frame needs pandas: pip install pandas") from exc
    columns = list(LiquidationCluster.__dataclass_fields__)
    return pandas.DataFrame([asdict(cluster) for cluster in clusters], columns=columns)


def cluster_of(cluster: Cluster, as_of: float, price: float | None) -> LiquidationCluster:
    """The engine's cluster as scripts see it."""
    return LiquidationCluster(
        symbol=cluster.instrument.symbol,
        price_level=cluster.price,
        price_low=cluster.price_low,
        price_high=cluster.price_high,
        side="long" if cluster.liquidated == "long" else "short",
        liquidation_count=cluster.count,
        total_notional=cluster.notional_usd,
        strength=cluster.strength,
        distance_from_price=distance_pct(cluster.price, price),
        last_updated=moment(cluster.newest_at),
        cluster_id=cluster.id,
        as_of=moment(as_of),
        calibrated=cluster.baseline.calibrated,
    )


def ranked(clusters: Iterable[LiquidationCluster], scale: StrengthScale) -> list[LiquidationCluster]:
    """Strongest first, by `scale`. Relative: each cluster's share of the biggest among them, in US dollars."""
    found = list(clusters)
    if scale == "relative":
        biggest = max((cluster.total_notional for cluster in found), default=0.0)
        found = [replace(cluster, strength=cluster.total_notional / biggest) for cluster in found if biggest > 0.0]
    return sorted(found, key=lambda cluster: (-cluster.strength, cluster.cluster_id))


def distance_pct(level: float, price: float | None) -> float | None:
    return None if price is None else abs(level - price) / price * 100.0


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
