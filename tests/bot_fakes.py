"""Fakes of what the bot reads and calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from liqalert.board import Board
from liqalert.bot.desk import Desk
from liqalert.core.alerts import Alert
from liqalert.core.engine import Snapshot
from liqalert.core.market import FeedStatus, Instrument
from liqalert.core.rules import Rule, RuleKind, Thresholds
from liqalert.ports import (
    AlertRow,
    Chat,
    Mute,
    Preferences,
    Role,
    Standard,
    StorageError,
    Subscription,
)
from liqalert.render.answers import View
from liqalert.render.captions import Photo
from liqalert.render.status import StatusFacts
from liqalert.render.text import Text, bold
from tests.changing import replace
from tests.round_market import ADDRESS, ALIVE, BTC, ETH, HOUR, MINUTE, NOW, OWNER_ADDRESS, RULE, alert_row, market


@dataclass
class FixedClock:
    at: float = NOW

    def now(self) -> float:
        return self.at


@dataclass
class FakeChats:
    """ports.ChatStore in memory. `broken` is raised by every call."""

    allowed: dict[str, Chat]
    held: dict[int, dict[Instrument | None, Subscription]] = field(default_factory=dict)
    revived: list[int] = field(default_factory=list)
    dead: list[int] = field(default_factory=list)
    muted: dict[int, list[Mute]] = field(default_factory=dict)
    acknowledged: list[tuple[int, str]] = field(default_factory=list)
    held_until: dict[int, float] = field(default_factory=dict)
    broken: Exception | None = None

    def _check(self) -> None:
        if self.broken:
            raise self.broken

    async def chat(self, channel: str, address: str) -> Chat | None:
        self._check()
        return self.allowed.get(address)

    async def chat_and_topics(self, channel: str, address: str) -> tuple[Chat, ...]:
        self._check()
        return tuple(chat for where, chat in self.allowed.items() if where.partition("/")[0] == address)

    async def subscriptions(self, chat_id: int) -> tuple[Subscription, ...]:
        self._check()
        return tuple(sorted(self.held.get(chat_id, {}).values(), key=lambda one: one.rule.id))

    async def subscribe(self, chat_id: int, rules: Sequence[Rule], now: float) -> None:
        self._check()
        for rule in rules:
            self.held.setdefault(chat_id, {})[rule.instrument] = Subscription(rule, from_default=False)

    async def hold_defaults(self, chat_id: int, standard: Standard, now: float) -> None:
        self._check()

    async def prefer(self, chat_id: int, preferences: Preferences) -> None:
        self._check()
        for address, chat in self.allowed.items():
            if chat.id == chat_id:
                self.allowed[address] = replace(chat, preferences=preferences)

    async def hold_until(self, chat_id: int, until: float) -> None:
        self._check()
        self.held_until[chat_id] = until

    async def mute(self, chat_id: int, instrument: Instrument | None, until: float) -> None:
        self._check()
        self.muted.setdefault(chat_id, []).append(Mute(instrument, until))

    async def unmute(self, chat_id: int, instrument: Instrument | None = None) -> bool:
        self._check()
        before = self.muted.pop(chat_id, [])
        left = [mute for mute in before if instrument is not None and mute.instrument != instrument]
        self.muted |= {chat_id: left} if left else {}
        return len(left) < len(before)

    async def mutes(self, chat_id: int, now: float) -> tuple[Mute, ...]:
        self._check()
        return tuple(self.muted.get(chat_id, ()))

    async def acknowledge(self, chat_id: int, alert_id: str) -> bool:
        self._check()
        if not self.held.get(chat_id):
            return False
        self.acknowledged.append((chat_id, alert_id))
        return True

    async def unsubscribe(self, chat_id: int, instrument: Instrument | None, now: float) -> bool:
        self._check()
        return self.held.get(chat_id, {}).pop(instrument, None) is not None

    async def migrate(self, channel: str, old_address: str, new_address: str) -> None:
        self._check()
        self.allowed[new_address] = replace(self.allowed.pop(old_address), address=new_address)

    async def mark_dead(self, chat_id: int, now: float) -> None:
        self._check()
        self.dead.append(chat_id)

    async def revive(self, chat_id: int) -> None:
        self._check()
        self.revived.append(chat_id)


@dataclass
class FakeEnrolment:
    """ports.Enrolment over the chats of `FakeChats`; `codes` by what is typed."""

    known: FakeChats
    codes: dict[str, Role] = field(default_factory=dict)
    tries: list[str] = field(default_factory=list)

    async def chats(self) -> tuple[Chat, ...]:
        return tuple(self.known.allowed.values())

    async def offer(self, code: str, role: Role, *, expires_at: float, now: float) -> None:
        self.codes[code] = role

    async def redeem(self, code: str, channel: str, address: str, now: float) -> Chat | None:
        self.tries.append(code)
        if code not in self.codes:
            return None
        chat = Chat(len(self.known.allowed) + 1, channel, address, self.codes.pop(code))
        self.known.allowed[address] = chat
        self.known.held.setdefault(chat.id, {})
        return chat

    async def remove(self, chat_id: int, now: float) -> None:
        self.known.allowed = {where: chat for where, chat in self.known.allowed.items() if chat.id != chat_id}


@dataclass
class FakeAlerts:
    """ports.AlertReader over a list. `broken` is raised by every call."""

    rows: Sequence[AlertRow] = ()
    broken: Exception | None = None

    async def recent(
        self,
        limit: int,
        *,
        chat_id: int | None = None,
        kind: str | None = None,
        instrument: Instrument | None = None,
    ) -> tuple[AlertRow, ...]:
        if self.broken:
            raise self.broken
        return tuple(row for row in self.rows if instrument in (None, row.alert.instrument))[:limit]

    async def alert(self, alert_id: str) -> Alert | None:
        row = await self.why(alert_id)
        return row.alert if row else None

    async def why(self, alert_id: str, *, asking: int | None = None) -> AlertRow | None:
        if self.broken:
            raise self.broken
        return next((row for row in self.rows if row.alert.id == alert_id), None)


STANDARD = Standard((BTC, ETH), (RuleKind.NEAR,), Thresholds(1.0, 0.6, 1e6))
REFUSED = StorageError("reading chats from sqlite liqalert.db: disk I/O error")
FACTS = StatusFacts(
    version="0.1.0",
    started_at=NOW - 5 * HOUR,
    database="sqlite liqalert.db, writable",
    outbox_waiting=2,
    outbox_oldest_at=NOW - 2 * MINUTE,
)


class Office:
    """A Desk over fakes, with the fakes at hand. Chat 77 is a user's, 42 the owner's; both hold a default rule."""

    def __init__(self, seen: Snapshot | None = None, feeds: Mapping[str, FeedStatus] | None = None) -> None:
        self.clock = FixedClock()
        default = Subscription(RULE, from_default=True)
        self.chats = FakeChats(
            {
                str(ADDRESS): Chat(1, "telegram", str(ADDRESS), Role.USER),
                str(OWNER_ADDRESS): Chat(2, "telegram", str(OWNER_ADDRESS), Role.OWNER),
            },
            {1: {BTC: default}, 2: {BTC: default}},
        )
        self.enrolments = FakeEnrolment(self.chats)
        self.alerts = FakeAlerts([alert_row()])
        self.board = Board(market() if seen is None else seen, {"binance": ALIVE} if feeds is None else feeds)
        self.changes = 0
        self.wakes = 0
        self.tested: list[int] = []
        self.facts = FACTS
        self.pictured: list[tuple[Instrument, str]] = []
        self.caption: Text | None = None
        self.desk = Desk(
            board=self.board,
            chats=self.chats,
            enrolments=self.enrolments,
            alerts=self.alerts,
            clock=self.clock,
            status=self._status,
            rules_changed=self._rules_changed,
            outbox_changed=self._outbox_changed,
            send_test=self._send_test,
            standard=STANDARD,
            zone_name="UTC",
            picture=self._picture,
        )

    async def _picture(self, instrument: Instrument, range_name: str, view: View) -> Photo:
        self.pictured.append((instrument, range_name))
        return Photo(b"\x89PNG", self.caption or bold(f"{instrument.symbol}, {range_name}"))

    async def _status(self) -> StatusFacts:
        return self.facts

    async def _rules_changed(self) -> None:
        self.changes += 1

    def _outbox_changed(self) -> None:
        self.wakes += 1

    async def _send_test(self, chat_id: int) -> str:
        self.tested.append(chat_id)
        return "testtest"
