"""What the commands read and call, and how they find an instrument."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from liqalert.board import Board
from liqalert.bot.arguments import CannotAnswer, shown
from liqalert.clock import Clock
from liqalert.core.market import Instrument
from liqalert.core.symbols import canonical, find, nearest
from liqalert.ports import AlertReader, Chat, ChatStore
from liqalert.render.answers import View
from liqalert.render.replies import unknown_symbol
from liqalert.render.status import StatusFacts


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a command may use."""

    board: Board
    chats: ChatStore
    alerts: AlertReader
    clock: Clock
    status: Callable[[], Awaitable[StatusFacts]]
    rules_changed: Callable[[], Awaitable[None]]
    """To be told after a rule was made or stopped, so that the engine evaluates what chats hold."""
    send_test: Callable[[int], Awaitable[str]]
    """Decides a test alert for one chat (row in `chats`) by the real path and gives its id."""
    watched: tuple[Instrument, ...]
    """These stand first in /clusters."""
    default_distance_pct: float
    default_min_strength: float
    zone_name: str
    """IANA name of the time zone on screen."""

    def view(self) -> View:
        """What is known at this moment."""
        return View(self.board.snapshot, tuple(self.board.feeds.values()), self.clock.now(), self.zone_name)


@dataclass(frozen=True, slots=True)
class Asked:
    """A command from a chat that may ask."""

    chat: Chat
    arguments: tuple[str, ...] = ()


def instrument_meant(desk: Desk, text: str, command: str, *, also: Iterable[Instrument] = ()) -> Instrument:
    """The instrument that `text` means, among those seen, watched and `also`. Raises CannotAnswer with the nearest.

    While no mark has arrived at all, nothing can be called unknown: then it is the likely symbol, unchecked.
    """
    snapshot = desk.board.snapshot
    known = {*snapshot.marks, *(owner for owner, _ in snapshot.sides), *desk.watched, *also}
    known.update(zone_view.zone.instrument for zone_view in snapshot.zones)
    if found := find(text, known):
        return found
    likely = canonical(text)
    if likely and not snapshot.marks:
        return Instrument(desk.watched[0].exchange if desk.watched else "binance", likely)
    raise CannotAnswer(unknown_symbol(shown(text), nearest(text, known), command))
