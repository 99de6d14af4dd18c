"""What is around the daemon: the machine it runs on, or a simulated market with its own time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from liqalert.clock import Clock, SteadyClock
from liqalert.core.episodes import Decision
from liqalert.core.market import UnixTime
from liqalert.feeds.patience import Patience


@dataclass(frozen=True, slots=True)
class World:
    """The real one by default."""

    clock: Clock = field(default_factory=SteadyClock)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    speed: float = 1.0
    """How many seconds of `clock` pass in one second of the machine."""
    banner: str | None = None
    """What every screen must say."""
    observe: Callable[[Sequence[Decision]], None] | None = None
    """Is shown every decision as it is made, and decides nothing."""

    def heard(self, sent_at: UnixTime) -> None:
        """An exchange sent marks at `sent_at` by its clock: by this, a jump of the machine's clock is judged."""
        if isinstance(self.clock, SteadyClock):
            self.clock.heard(sent_at)

    @property
    def clock_contradicted_s(self) -> float:
        """How far the machine's clock is ahead of the time that liqalert goes by, because the exchange says so."""
        return self.clock.contradicted_s if isinstance(self.clock, SteadyClock) else 0.0

    def patience(self) -> Patience:
        """The feed's waiting times; those that are market time pass at the clock's rate.

        But never below a second of the machine's: a busy machine is no silent exchange.
        """
        usual = Patience()
        return Patience(
            silence_s=max(usual.silence_s / self.speed, min(usual.silence_s, 1.0)),
            lifetime_s=usual.lifetime_s / self.speed,
            first_lifetime_s=usual.first_lifetime_s / self.speed,
            late_s=usual.late_s * max(self.speed, 1.0),
            report_s=max(usual.report_s / self.speed, 0.05),
        )

    def every(self, seconds: float) -> float:
        """How often on this machine something is due that is due every `seconds` of the clock."""
        return max(seconds / self.speed, 0.05)
