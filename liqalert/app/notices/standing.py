"""A notice, and the memory that makes it come once per occurrence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from liqalert.core.alerts import NOTICE, Alert
from liqalert.core.identity import short_id
from liqalert.core.market import UnixTime
from liqalert.render.numbers import age

CALM_S = 30.0
"""What has not been wrong for so long is over."""


@dataclass(frozen=True, slots=True)
class Notice:
    reason: str
    sentence: str
    kind: str = NOTICE
    once: str | None = None
    """What is told under the same name is never told again, also after a restart."""

    def alert(self, now: UnixTime) -> Alert:
        # What is recorded already under an id is not sent again.
        id_ = short_id(self.kind, self.sentence, now) if self.once is None else short_id(self.kind, self.once)
        return Alert(id=id_, kind=self.kind, decided_at=now, reason=self.reason, text=self.sentence)


class Standing:
    """One thing that may be wrong for a while: told when it has lasted, and when it has been over for a while."""

    def __init__(self, reason: str, *, after_s: float, over: str) -> None:
        """`over`: the sentence for its end, with {lasted} in it."""
        self._reason = reason
        self._after_s = after_s
        self._over = over
        self._since: UnixTime | None = None
        self._seen_at: UnixTime = 0.0
        self._told = False

    def look(self, sentence: str | None, now: UnixTime) -> Iterator[Notice]:
        """`sentence`: what is wrong now, with the remedy; None: nothing."""
        if sentence is not None:
            self._since, self._seen_at = self._since or now, now
            if not self._told and now - self._since >= self._after_s:
                self._told = True
                yield Notice(self._reason, sentence)
        elif self._since is not None and now - self._seen_at >= CALM_S:
            if self._told:
                yield Notice(f"{self._reason}_over", self._over.format(lasted=age(self._seen_at - self._since)))
            self._since, self._told = None, False
