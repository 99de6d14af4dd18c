"""Rules: what to be told about. A rule is a value, shared by every chat that subscribes to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from liqalert.core.market import Instrument


class RuleKind(StrEnum):
    NEAR = "near"


@dataclass(frozen=True, slots=True)
class Rule:
    """Tell when the mark comes within `distance_pct` of a zone at least `min_strength` strong.

    `instrument` None means every instrument. Distance is from the mark to the nearest edge of the zone's band, in per
    cent of the mark.
    """

    kind: RuleKind
    instrument: Instrument | None
    distance_pct: float
    min_strength: float

    @property
    def id(self) -> str:
        """The same for equal rules, in every process: `near:binance:BTCUSDT:1:0.6`, `near:*:1:0.9`."""
        scope = f"{self.instrument.exchange}:{self.instrument.symbol}" if self.instrument else "*"
        return f"{self.kind}:{scope}:{self.distance_pct:g}:{self.min_strength:g}"

    def covers(self, instrument: Instrument) -> bool:
        return self.instrument is None or self.instrument == instrument
