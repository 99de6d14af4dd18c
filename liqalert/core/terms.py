"""The numbers that decide. They are recorded with the frames, so that a recording replays to the same decisions."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """Settings of the engine, in its own units. The defaults are those of settings.example.toml."""

    window_pct: float = 2.0
    decay_s: float = 3600.0
    """The time in which a weight falls to 1/e."""
    min_events: int = 5
    min_notional_usd: float = 100_000.0
    rebuild_s: float = 5.0
    rearm_ratio: float = 1.4
    """A rule's re-arm distance divided by its distance."""
    cooldown_s: float = 1800.0
    memory_s: float = 86_400.0

    @property
    def window_width(self) -> float:
        """Width of a price window in log price."""
        return math.log1p(self.window_pct / 100.0)

    @property
    def history_s(self) -> float:
        """How long a liquidation lives: after 12 decay constants it has lost all but 6.2e-6 of its weight."""
        return 12.0 * self.decay_s
