"""What waits to leave, chat by chat: letters in the order they came, and after them what joins the chat's digest."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from liqalert.core.alerts import ABOUT_LIQALERT
from liqalert.delivery.digests import Digest
from liqalert.delivery.letters import Letter
from liqalert.delivery.storms import WINDOW_S, Destination, Storms
from liqalert.ports import Delivery

FEW = 50


class Departures:
    """Times are those of a clock that only runs. Adding and taking cost the same however much waits."""

    def __init__(self, digest_after: int) -> None:
        self._storms = Storms(digest_after)
        self._letters: dict[Destination, deque[Letter]] = {}
        self._digests: dict[Destination, Digest] = {}
        self._waiting: dict[Destination, None] = {}
        """The chats for which something waits, the one whose turn was longest ago first."""
        self._count = 0
        self._forget_at = 0.0

    @property
    def few(self) -> bool:
        """Whether there is room for more: memory is for what leaves soon, the rest stays in the outbox."""
        return len(self._waiting) < FEW and self._count < FEW

    def chats(self) -> tuple[Destination, ...]:
        return tuple(self._waiting)

    def waits(self, chat: Destination) -> bool:
        return chat in self._waiting

    def add(self, letter: Letter) -> None:
        """A list, or whatever else is ready as it is."""
        self._letters.setdefault(letter.destination, deque()).append(letter)
        self._count += 1
        self._waiting.setdefault(letter.destination)

    def add_alert(self, delivery: Delivery, now: float) -> bool:
        """Whether it joins a digest; else it goes out alone."""
        chat = (delivery.channel, delivery.address)
        digest = self._open_digest(chat, now)
        if delivery.alert.kind in ABOUT_LIQALERT:
            alone = True
        else:
            # What was to be told in a digest and could not be is told in one, also after a restart.
            alone = digest is None and not delivery.in_digest and self._storms.admit(chat, now)
        if alone:
            self.add(Letter((delivery,)))
        else:
            (digest or self._begin(chat, now)).join(delivery, now)
            self._waiting.setdefault(chat)
        return not alone

    def wait_s(self, chat: Destination, now: float) -> float:
        """How long the next letter has to wait by itself, whatever the channel says; 0 or less: not at all."""
        return 0.0 if self._letters.get(chat) else self._digests[chat].wait_s(now)

    def take(self, chat: Destination) -> Letter:
        """The next letter of a chat for which something waits. `told`, `dropped` or `move` must follow."""
        letters, digest = self._letters.get(chat), self._digests.get(chat)
        if letters:
            letter = letters.popleft()
            self._count -= 1
        else:
            letter = _share(self._digests[chat])
        del self._waiting[chat]
        if letters or (digest is not None and digest.waits):
            self._waiting[chat] = None
        if not letters:
            self._letters.pop(chat, None)
        return letter

    def take_all(self, chat: Destination) -> Iterator[Letter]:
        while self.waits(chat):
            yield self.take(chat)

    def told(self, letter: Letter, now: float) -> None:
        if letter.alone:
            self._storms.told(letter.destination, now)

    def dropped(self, letter: Letter) -> None:
        """It is not told, or not now."""
        if letter.digest is not None:
            letter.digest.put_down()
        elif letter.alone:
            self._storms.dropped(letter.destination)

    def grows(self, chat: Destination, message_id: str, now: float) -> bool:
        """Whether the message is a digest that is still open."""
        digest = self._open_digest(chat, now)
        return digest is not None and digest.message_id == message_id

    def move(self, letter: Letter, new_address: str, now: float) -> None:
        """The chat of `letter`, which was taken, has a new address: what waits for it waits there, `letter` first."""
        old, new = letter.destination, (letter.channel, new_address)
        letters = [each.moved(new_address) for each in self._letters.pop(old, ())]
        self._count -= len(letters)
        self._waiting.pop(old, None)
        self._storms.moved(old, new)
        if letter.digest is None:
            letters.insert(0, letter.moved(new_address))
        for each in letters:
            self.add(each)
        if old in self._digests:
            self._move_digest(letter, new, now)

    def _move_digest(self, letter: Letter, new: Destination, now: float) -> None:
        digest = self._digests.pop(letter.destination)
        digest.put_down()
        digest.move(new[1])
        there = self._digests.setdefault(new, digest)
        untold = letter.deliveries if letter.digest is not None else ()
        for delivery in untold if there is digest else (*untold, *digest.take()):
            there.join(delivery, now)
        if there.waits:
            self._waiting.setdefault(new)

    def _open_digest(self, chat: Destination, now: float) -> Digest | None:
        digest = self._digests.get(chat)
        return digest if digest is not None and digest.is_open(now) else None

    def _begin(self, chat: Destination, now: float) -> Digest:
        self._forget(now)
        self._digests[chat] = Digest(chat[1])
        return self._digests[chat]

    def _forget(self, now: float) -> None:
        """Digests that are over: memory holds those of the last seconds."""
        if now >= self._forget_at:
            self._forget_at = now + WINDOW_S
            self._digests = {chat: digest for chat, digest in self._digests.items() if digest.is_open(now)}


def _share(digest: Digest) -> Letter:
    return Letter(digest.take(), digest=digest, moves=digest.moves)
