"""The numbers that decide. They are recorded with the frames, so that a recording replays to the same decisions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from msgspec import Meta

# The bounds hold for what is decoded out of a recording; the settings have their own, with a sentence for each.
Seconds: TypeAlias = Annotated[float, Meta(ge=0.01, le=1e9)]


@dataclass(frozen=True, slots=True)
class Terms:
    """Settings of the engine, in its own units. The defaults are those of settings.example.toml."""

    window_pct: Annotated[float, Meta(ge=0.001, le=100.0)] = 2.0
    decay_s: Seconds = 3600.0
    """The time in which a weight falls to 1/e."""
    min_events: int = 5
    min_notional_usd: float = 100_000.0
    rebuild_s: Seconds = 5.0
    rearm_ratio: Annotated[float, Meta(ge=1.0, le=1e6)] = 1.4
    """A rule's re-arm distance divided by its distance. Below 1 one mark would arm and alert for ever."""
    cooldown_s: Annotated[float, Meta(ge=0.0, le=1e9)] = 1800.0
    memory_s: Seconds = 86_400.0

    @property
    def window_width(self) -> float:
        """Width of a price window in log price."""
        return math.log1p(self.window_pct / 100.0)

    @property
    def history_s(self) -> float:
        """How long a liquidation lives: after 12 decay constants it has lost all but 6.2e-6 of its weight."""
        return 12.0 * self.decay_s
