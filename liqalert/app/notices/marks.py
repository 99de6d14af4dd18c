"""Contracts whose marks have stopped, or never come, beside a feed that is alive; and their return."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from liqalert.app.mark_ages import MarkAge, all_stopped, never_sentence, stopped_sentence
from liqalert.app.notices.standing import Notice
from liqalert.core.alerts import WATCHING
from liqalert.core.market import Instrument, UnixTime
from liqalert.render.numbers import age, first_few

PATIENCE_S = 30.0
"""Marks that are back within this are not worth a message."""
CALM_S = 60.0
"""They are back once they have come for so long: with shorter pauses than this it is one occurrence."""
CHATS_PATIENCE_S = 60.0
"""Of all contracts with rules: then everyone is told, as of a feed that is lost."""

REMEDY = "See whether Binance trades it under this name."


class MarkNotices:
    """Each contract is told of once when its marks stop, and once when they are back; several at once together."""

    def __init__(self) -> None:
        self._silent_since: dict[Instrument, UnixTime] = {}
        """Of those that were told of."""
        self._back_since: dict[Instrument, UnixTime] = {}
        """Of those of them whose marks come again."""
        self._everyone_told = False

    def look(self, ages: Sequence[MarkAge], now: UnixTime) -> Iterator[Notice]:
        """`ages`: nothing while no feed is alive, which is no return."""
        if ages:
            self._forget({each.instrument for each in ages})
            yield from self._stopped(ages, now)
            yield from self._back(ages, now)

    def _forget(self, asked: set[Instrument]) -> None:
        """Nobody waits for the others any more."""
        for instrument in self._silent_since.keys() - asked:
            del self._silent_since[instrument]
            self._back_since.pop(instrument, None)
        self._everyone_told = self._everyone_told and bool(self._silent_since)

    def _stopped(self, ages: Sequence[MarkAge], now: UnixTime) -> Iterator[Notice]:
        new = [each for each in ages if each.missing and each.instrument not in self._silent_since]
        if any(each.silent_s >= PATIENCE_S for each in new):
            self._silent_since |= {each.instrument: each.since for each in new}
            if (stopped := stopped_sentence(new)) is not None:
                yield Notice("marks_stopped", f"{stopped} You will be told when they are back.")
            if (never := never_sentence(new)) is not None:
                # What is not in the stream is not there after a restart either.
                symbols = sorted(each.instrument.symbol for each in new if not each.marked)
                yield Notice("no_marks", f"{never} {REMEDY}", once=f"no marks {' '.join(symbols)}")
        told = stopped_sentence(ages)
        patient = all(each.silent_s >= CHATS_PATIENCE_S for each in ages if each.marked)
        if told is not None and not self._everyone_told and all_stopped(ages) and patient:
            self._everyone_told = True
            yield Notice("not_marked", f"{told} You will be told when they are back.", WATCHING)

    def _back(self, ages: Sequence[MarkAge], now: UnixTime) -> Iterator[Notice]:
        for each in ages:
            if each.instrument in self._silent_since and each.marked and not each.missing and each.silent_s >= 0.0:
                self._back_since.setdefault(each.instrument, each.since)
            else:
                self._back_since.pop(each.instrument, None)
        calm = [instrument for instrument, since in self._back_since.items() if now - since >= CALM_S]
        if not calm:
            return
        lasted_s = max(self._back_since[instrument] - self._silent_since[instrument] for instrument in calm)
        names = first_few([instrument.symbol for instrument in calm])
        sentence = f"Marks of {names} come again, after {age(lasted_s)} without."
        yield Notice("marks_back", sentence)
        if self._everyone_told:
            self._everyone_told = False
            yield Notice("marked_again", sentence, WATCHING)
        for instrument in calm:
            del self._silent_since[instrument], self._back_since[instrument]
