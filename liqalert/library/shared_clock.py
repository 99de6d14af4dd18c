"""The daemon's own clock, for any number of threads."""

from __future__ import annotations

from threading import RLock

from liqalert.clock import SteadyClock


class SharedClock(SteadyClock):
    """The stream's thread tells it what Binance's clock says; whoever asks a heatmap anything reads it."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = RLock()

    @property
    def note(self) -> str | None:
        """What is wrong with the machine's clock, in a sentence."""
        with self._lock:
            ahead_s = self.contradicted_s
        if not ahead_s:
            return None
        ahead = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0.0 else 'behind'}"
        return f"this machine's clock is {ahead} what Binance says, and is not followed: set it right"

    def now(self) -> float:
        with self._lock:
            return super().now()

    def heard(self, sent_at: float) -> None:
        with self._lock:
            super().heard(sent_at)
