"""A market with round numbers, and fakes of what the bot reads and calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import structs

from liqalert.board import Board
from liqalert.bot.desk import Desk
from liqalert.core.alerts import Alert, Evidence
from liqalert.core.clusters import Cluster
from liqalert.core.engine import Snapshot, ZoneView
from liqalert.core.episodes import Episode, EpisodeState, Reason, Transition
from liqalert.core.market import FeedStatus, Gap, Instrument, Mark, PositionSide
from liqalert.core.rules import Rule, RuleKind, Thresholds
from liqalert.core.strength import Baseline
from liqalert.core.zones import Zone
from liqalert.ports import (
    AlertRow,
    Chat,
    DeliveryRow,
    DeliveryStatus,
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

NOW = 1_763_906_700.0
"""2025-11-23 14:05:00 UTC."""
MINUTE, HOUR = 60.0, 3600.0
BTC, ETH, SOL, PEPE, CHINESE = (
    Instrument("binance", symbol) for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT", "1000PEPEUSDT", "币安人生USDT")
)
BASELINE = Baseline(ln_r=10.361632918473205, gamma=1.0, calibrated=True, version="2025-11-23")
"""Strength 0.5 at 1,000,000 USD in 10 liquidations."""
GUESSED = replace(BASELINE, calibrated=False)
ALIVE = FeedStatus(
    "binance",
    alive=True,
    since=NOW - 5 * HOUR,
    mark_at=NOW - 1.0,
    latency_s=0.12,
    latency_frames=60,
    connected=2,
    connections=2,
)
DEAD = FeedStatus(
    "binance", alive=False, since=NOW - 3 * MINUTE, mark_at=NOW - 3 * MINUTE, problem="No mark for 3 minutes <check>."
)
RULE = Rule(RuleKind.NEAR, BTC, 1.0, 0.6)
ADDRESS, OWNER_ADDRESS, STRANGER = 77, 42, 99


def cluster(
    low: float,
    high: float,
    *,
    instrument: Instrument = BTC,
    liquidated: PositionSide = PositionSide.LONG,
    usd: float = 5_000_000.0,
    baseline: Baseline = BASELINE,
) -> Cluster:
    return Cluster(
        id=f"{low:g}",
        instrument=instrument,
        liquidated=liquidated,
        price=(low + high) / 2,
        price_low=low,
        price_high=high,
        band_low=low,
        band_high=high,
        notional_usd=usd,
        weighted_count=10.0,
        count=42,
        oldest_at=NOW - HOUR,
        newest_at=NOW - 3 * MINUTE,
        as_of=NOW,
        baseline=baseline,
    )


def zone(low: float, high: float, *, instrument: Instrument = BTC, strength: float = 0.91) -> Zone:
    return Zone(
        id=f"zone{low:g}",
        cluster_id="clusters",
        instrument=instrument,
        liquidated=PositionSide.LONG,
        low=low,
        high=high,
        strength=strength,
        notional_usd=8_000_000.0,
        count=61,
        opened_at=NOW - 6 * HOUR,
        peak_at=NOW - 5 * HOUR,
        baseline=BASELINE,
    )


def mark(instrument: Instrument, price: float) -> Mark:
    return Mark(instrument, price, NOW - 1.1, NOW - 1.0)


def snapshot(*clusters: Cluster, zones: Sequence[Zone] = (), marks: Sequence[Mark] = ()) -> Snapshot:
    sides: dict[tuple[Instrument, PositionSide], tuple[Cluster, ...]] = {}
    for one in clusters:
        key = (one.instrument, one.liquidated)
        sides[key] = (*sides.get(key, ()), one)
    return Snapshot(
        as_of=NOW - 4.0,
        decay_s=HOUR,
        watching_since=NOW - 5 * HOUR,
        sides=sides,
        zones=tuple(ZoneView(one, EpisodeState.ARMED, 0.1) for one in zones),
        marks={one.instrument: one for one in marks},
    )


def market() -> Snapshot:
    """BTC with a cluster on either side and a zone without one, ETH quiet, PEPE and a non-ASCII symbol strong."""
    return snapshot(
        cluster(59_000.0, 59_500.0),
        cluster(60_300.0, 60_300.0, liquidated=PositionSide.SHORT, usd=2_000_000.0, baseline=GUESSED),
        cluster(50_000.0, 50_100.0, usd=10_000.0),
        cluster(0.011, 0.0112, instrument=PEPE, usd=9_000_000.0),
        cluster(0.5, 0.51, instrument=CHINESE, usd=6_000_000.0),
        zones=[zone(59_100.0, 59_400.0), zone(57_000.0, 57_500.0, strength=0.8)],
        marks=[mark(BTC, 60_000.0), mark(ETH, 3_000.0), mark(SOL, 150.0), mark(PEPE, 0.0115), mark(CHINESE, 0.5)],
    )


# ---------------------------------------------------------------- alerts


def evidence(**changes: float) -> Evidence:
    seen = Evidence(
        mark_price=59_953.0,
        mark_at=NOW - HOUR,
        distance_pct=0.93,
        rule_distance_pct=1.0,
        rearm_pct=1.4,
        zone_strength=0.91,
        strength_now=0.1,
        min_strength=0.6,
    )
    return structs.replace(seen, **changes)


def alert_row(*, outcome: EpisodeState | None = EpisodeState.SWEPT) -> AlertRow:
    """A near alert of an hour ago, told to two chats."""
    episode = Episode(
        id="episode1",
        rule=RULE,
        zone_id="zone59100",
        state=outcome or EpisodeState.NEAR,
        since=NOW - HOUR / 2,
        alert_id="ab12cd34",
        outcome=outcome,
        furthest=59_029.2,
    )
    alert = Alert(
        id="ab12cd34",
        kind="near",
        decided_at=NOW - HOUR,
        reason=Reason.WITHIN_DISTANCE,
        rule=RULE,
        zone=zone(59_100.0, 59_400.0),
        episode_id="episode1",
        evidence=evidence(),
    )
    return AlertRow(
        alert,
        episode,
        deliveries=(
            DeliveryRow("telegram", str(ADDRESS), DeliveryStatus.SENT, 1, NOW - HOUR),
            DeliveryRow("telegram", str(OWNER_ADDRESS), DeliveryStatus.LATE, 7, NOW - HOUR, "Bad Gateway <502>"),
        ),
        transitions=(
            Transition(
                replace(episode, state=EpisodeState.ARMED),
                EpisodeState.IDLE,
                NOW - 2 * HOUR,
                Reason.BEYOND_REARM_DISTANCE,
                evidence(distance_pct=2.0, mark_price=61_000.0),
            ),
            Transition(
                replace(episode, state=EpisodeState.NEAR),
                EpisodeState.ARMED,
                NOW - HOUR,
                Reason.WITHIN_DISTANCE,
                evidence(),
            ),
        ),
    )


# ---------------------------------------------------------------- what the bot calls


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

    async def mute(self, chat_id: int, instrument: Instrument | None, until: float) -> None:
        self._check()
        self.muted.setdefault(chat_id, []).append(Mute(instrument, until))

    async def unmute(self, chat_id: int, instrument: Instrument | None = None) -> bool:
        before = self.muted.pop(chat_id, [])
        left = [mute for mute in before if instrument is not None and mute.instrument != instrument]
        self.muted |= {chat_id: left} if left else {}
        return len(left) < len(before)

    async def mutes(self, chat_id: int, now: float) -> tuple[Mute, ...]:
        self._check()
        return tuple(self.muted.get(chat_id, ()))

    async def acknowledge(self, chat_id: int, alert_id: str) -> bool:
        self.acknowledged.append((chat_id, alert_id))
        return True

    async def unsubscribe(self, chat_id: int, instrument: Instrument | None, now: float) -> bool:
        self._check()
        return self.held.get(chat_id, {}).pop(instrument, None) is not None

    async def rules(self) -> tuple[Rule, ...]:
        return tuple({one.rule for held in self.held.values() for one in held.values()})

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

    async def why(self, alert_id: str) -> AlertRow | None:
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

    async def _send_test(self, chat_id: int) -> str:
        self.tested.append(chat_id)
        return "testtest"


GAPS = (
    Gap("binance", NOW - 26 * HOUR, NOW - 25 * HOUR, "liqalert was not running"),
    Gap("binance", NOW - 3 * MINUTE, None, "no mark for 5 s"),
)
EMPTY = Snapshot(as_of=NOW - 4.0, decay_s=HOUR)
