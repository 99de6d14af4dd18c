"""Two connections to one stream bring each message twice, as equal bytes: what came of it the first time."""

from __future__ import annotations

from collections.abc import Sequence

REMEMBERED_S = 10.0
"""At least, and twice that at most. A connection that lags further behind is taken for silent."""


class Doubles:
    """By time, and not by number: in a quiet market a few, in a flood as many as there are."""

    def __init__(self) -> None:
        self._recent: dict[int, bool] = {}
        """By hash: whether there were marks in the frame."""
        self._older: dict[int, bool] = {}
        self._turned_s = 0.0

    def __len__(self) -> int:
        return len(self._recent) + len(self._older)

    def new(self, frames: Sequence[bytes], now_s: float) -> tuple[list[bytes], bool]:
        """Those of `frames` that have not come before, and whether marks were in one of the others. `now_s` is in the
        loop's time."""
        self._turn(now_s)
        recent, older = self._recent, self._older
        found: list[bytes] = []
        marked = False
        for frame in frames:
            key = hash(frame)
            known = recent.get(key, older.get(key))
            if known is None:
                recent[key] = False
                found.append(frame)
            elif known:
                marked = True
        return found, marked

    def note_marks(self, frame: bytes) -> None:
        """There were marks in a frame that was new."""
        self._recent[hash(frame)] = True

    def _turn(self, now_s: float) -> None:
        since_s = now_s - self._turned_s
        if since_s >= REMEMBERED_S:
            self._older = self._recent if since_s < 2.0 * REMEMBERED_S else {}
            self._recent, self._turned_s = {}, now_s
