"""What the commands read and call, and how they find an instrument."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from liqalert.board import Board
from liqalert.bot.arguments import CannotAnswer, shown
from liqalert.clock import Clock
from liqalert.core.exchanges import BINANCE
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.rules import Thresholds
from liqalert.core.symbols import canonical, find, nearest
from liqalert.ports import AlertReader, Chat, ChatStore, Enrolment, Standard
from liqalert.render.answers import View
from liqalert.render.captions import Photo
from liqalert.render.menu import Estimate
from liqalert.render.numbers import NumberStyle
from liqalert.render.replies import unknown_symbol
from liqalert.render.status import StatusFacts


async def no_estimate(thresholds: Thresholds) -> Estimate | None:
    return None


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a command may use."""

    board: Board
    chats: ChatStore
    enrolments: Enrolment
    alerts: AlertReader
    clock: Clock
    status: Callable[[], Awaitable[StatusFacts]]
    rules_changed: Callable[[], Awaitable[None]]
    """To be told after a rule was made or stopped, so that the engine evaluates what chats hold."""
    outbox_changed: Callable[[], None]
    """To be told after what waits was made due earlier."""
    send_test: Callable[[int], Awaitable[str]]
    """Decides a test alert for one chat (row in `chats`) by the real path and gives its id."""
    standard: Standard
    """What a chat is told that has said nothing."""
    zone_name: str
    """IANA name of the time zone on screen."""
    picture: Callable[[Instrument, str, View], Awaitable[Photo]]
    """The heatmap of an instrument and a range, for a reader. Raises StorageError."""
    estimate: Callable[[Thresholds], Awaitable[Estimate | None]] = no_estimate
    """About how many alerts a day these thresholds would have given; None where nobody can say."""

    @property
    def watched(self) -> tuple[Instrument, ...]:
        """These stand first in /clusters."""
        return self.standard.instruments

    def view(self, chat: Chat) -> View:
        """What is known at this moment, for a reader in `chat`."""
        feeds = tuple(self.board.feeds.values())
        numbers = NumberStyle(chat.preferences.numbers)
        return View(self.board.snapshot, feeds, self.clock.now(), self.zone_name, numbers)


@dataclass(frozen=True, slots=True)
class Asked:
    """A command from a chat that may ask."""

    chat: Chat
    """Who is answered: the chat, or the topic of a forum, that is allowed."""
    arguments: tuple[str, ...] = ()
    person: str | None = None
    """The address of who asks, where that is known: a person's private chat."""
    sent_at: UnixTime | None = None
    """By the channel's clock; long ago where nobody was there to answer. None: not known."""


def instrument_meant(desk: Desk, text: str, command: str, *, also: Iterable[Instrument] = ()) -> Instrument:
    """The instrument that `text` means, among those seen, watched and `also`. Raises CannotAnswer with the nearest.

    While no mark has arrived at all, nothing can be called unknown: then it is the likely symbol, unchecked.
    """
    known = {*_known(desk), *also}
    if found := find(text, known):
        return found
    likely = canonical(text)
    if likely and not desk.board.snapshot.marks:
        return Instrument(desk.watched[0].exchange if desk.watched else BINANCE, likely)
    raise CannotAnswer(unknown_symbol(shown(text), nearest(text, known), command))


def names_instrument(desk: Desk, text: str) -> bool:
    """Whether `text` means an instrument that has been seen, or is watched."""
    return find(text, _known(desk)) is not None


def _known(desk: Desk) -> frozenset[Instrument]:
    snapshot = desk.board.snapshot
    with_clusters = (owner for owner, _ in snapshot.sides)
    return frozenset((*snapshot.marks, *with_clusters, *desk.watched, *snapshot.zones.instruments()))
