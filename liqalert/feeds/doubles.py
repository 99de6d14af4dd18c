"""Two connections to one stream bring each message twice, as equal bytes: what came of it the first time."""

from __future__ import annotations

REMEMBERED_S = 10.0
"""At least, and twice that at most. A connection that lags further behind is taken for silent."""


class Doubles:
    """By time, and not by number: in a quiet market a few, in a flood as many as there are."""

    def __init__(self) -> None:
        self._recent: dict[int, bool] = {}
        self._older: dict[int, bool] = {}
        self._turned_s = 0.0

    def __len__(self) -> int:
        return len(self._recent) + len(self._older)

    def find(self, key: int, now_s: float) -> bool | None:
        """What was kept for `key`; None where nothing was. `now_s` is in the loop's time."""
        since_s = now_s - self._turned_s
        if since_s >= REMEMBERED_S:
            self._older = self._recent if since_s < 2.0 * REMEMBERED_S else {}
            self._recent, self._turned_s = {}, now_s
        found = self._recent.get(key)
        return self._older.get(key) if found is None else found

    def keep(self, key: int, answer: bool) -> None:
        self._recent[key] = answer
