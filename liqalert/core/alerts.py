"""Alerts: one decision to tell someone, with the reason and the evidence. A message is written from this alone."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from liqalert.core.market import Instrument, Liquidation, PositionSide, UnixTime
from liqalert.core.rules import Rule
from liqalert.core.zones import Zone

NOTICE = "notice"
"""Something that the owner must know about liqalert itself."""
TEST = "test"
WATCHING = "watching"
"""Whether anything is being watched at all: to every chat but the owner's, without a sound, after quiet hours."""
ABOUT_LIQALERT = (NOTICE, TEST, WATCHING)
"""Kinds that no chat can switch off: they are about liqalert itself."""


class Evidence(Struct, frozen=True, gc=False):
    """Threshold beside observed value, at the moment of a decision about a zone. Distances in per cent of the mark."""

    mark_price: float | None
    mark_at: UnixTime | None
    distance_pct: float | None
    rule_distance_pct: float
    rearm_pct: float
    zone_strength: float
    strength_now: float
    min_strength: float
    unwatched_s: float = 0.0
    """How long this instrument went without a mark before the mark that decided; 0 when watched all along."""


@dataclass(frozen=True, slots=True)
class FlowEvidence:
    """The liquidations of one instrument and position side in the `window_s` seconds before an alert `cascade`."""

    instrument: Instrument
    liquidated: PositionSide
    window_s: float
    notional_usd: float
    """The plain sum: nothing is weighted by time here."""
    count: int
    strength: float
    """How unusual this flow is for this instrument and side, 0 to 1 (`core/flow.py`)."""
    min_strength: float
    calibrated: bool
    """False while the open interest is unknown: strength is then shown with a question mark."""
    price_from: float
    """The mark before the first of these liquidations where one is known, else the first fill."""
    price_to: float
    """The newest mark, else the last fill."""
    first_at: UnixTime
    last_at: UnixTime
    largest_usd: float
    saturated_s: int
    """Seconds in a run of at least five in a row with a report each: Binance shows at most one a second, so more may
    have been liquidated in them than is counted here."""
    at_least_usd: float | None = None
    """What was liquidated at least, left-out reports estimated (`core/flow.py`). Never part of a strength."""

    @property
    def moved_pct(self) -> float:
        """How far price moved meanwhile, in per cent; negative when it fell."""
        return (self.price_to - self.price_from) / self.price_from * 100.0


class Alert(Struct, frozen=True, gc=False):
    """One decision to tell someone, complete in itself."""

    id: str
    kind: str
    """A RuleKind, or one of `ABOUT_LIQALERT`."""
    decided_at: UnixTime
    reason: str
    rule: Rule | None = None
    zone: Zone | None = None
    """For `near`, `formed` and `grown`."""
    episode_id: str | None = None
    """For `near`."""
    evidence: Evidence | None = None
    """Beside `zone`."""
    text: str | None = None
    """The sentence of what is about liqalert itself."""
    only_chat: int | None = None
    """The row in `chats` of the only chat to be told; None: whoever subscribes."""
    flow: FlowEvidence | None = None
    """For `cascade`."""
    liquidation: Liquidation | None = None
    """For `large`."""
    step: float | None = None
    """For `grown`: the strength that was passed."""
    strength_before: float | None = None
    """For `grown`: the zone's strength before."""

    @property
    def instrument(self) -> Instrument | None:
        """What it is about; None where that is liqalert itself."""
        about = self.zone or self.flow or self.liquidation
        return about.instrument if about else None

    @property
    def liquidated(self) -> PositionSide | None:
        about = self.zone or self.flow or self.liquidation
        return about.liquidated if about else None

    @property
    def strength(self) -> float:
        """By which alerts of one moment are ordered: that of the zone or the flow; a single liquidation has none."""
        return self.zone.strength if self.zone else self.flow.strength if self.flow else 0.0

    @property
    def calibrated(self) -> bool:
        """Whether the strength rests on something that is known of the contract."""
        return self.zone.baseline.calibrated if self.zone else self.flow.calibrated if self.flow else True
