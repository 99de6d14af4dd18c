"""Fakes of our ports, which keep the promises of the real ones, and the alerts they carry."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from liqalert.core.alerts import Alert, Evidence
from liqalert.core.episodes import Decision, Episode, EpisodeState, Reason, Transition
from liqalert.core.market import Instrument, PositionSide, UnixTime
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.strength import Baseline
from liqalert.core.zones import Outside, Zone
from liqalert.ports import (
    AlertRow,
    Delivery,
    DeliveryError,
    DeliveryStatus,
    Message,
    Outcome,
    Recipient,
    RowRefused,
    StorageError,
)

BTCUSDT = Instrument("binance", "BTCUSDT")
NEAR_BTC = Rule(RuleKind.NEAR, BTCUSDT, 1.0, 0.6)


def near_alert(
    alert_id: str = "abcdefgh", decided_at: UnixTime = 1_795_392_000.0, *, symbol: str = "BTCUSDT", text: str = ""
) -> Alert:
    """A mark of 61,234.5 comes within 0.93 % of liquidated longs; `text` makes it a notice instead."""
    if text:
        return Alert(alert_id, "notice", decided_at, "notice", text=text)
    instrument = Instrument("binance", symbol)
    rule = replace(NEAR_BTC, instrument=instrument)
    zone = Zone(
        id=f"zone-{alert_id}",
        cluster_id="clust111",
        instrument=instrument,
        liquidated=PositionSide.LONG,
        low=60_100.0,
        high=60_665.0,
        strength=0.84,
        notional_usd=1_240_000.0,
        count=47,
        opened_at=decided_at - 20_000.0,
        peak_at=decided_at - 18_000.0,
        baseline=Baseline(11.0, 1.2, True, "2026-11-23"),
        outside=Outside.ABOVE,
    )
    evidence = Evidence(
        mark_price=61_234.5,
        mark_at=decided_at,
        distance_pct=0.93,
        rule_distance_pct=1.0,
        rearm_pct=1.4,
        zone_strength=0.84,
        strength_now=0.1,
        min_strength=0.6,
    )
    return Alert(alert_id, "near", decided_at, Reason.WITHIN_DISTANCE, rule, zone, f"episode-{alert_id}", evidence)


def near_transition(alert: Alert, outcome: EpisodeState | None = None) -> Transition:
    """The decision that carries `alert`."""
    assert alert.rule is not None
    assert alert.zone is not None
    assert alert.evidence is not None
    episode = Episode(
        f"episode-{alert.id}", alert.rule, alert.zone.id, EpisodeState.NEAR, alert.decided_at, alert.id, outcome
    )
    return Transition(episode, EpisodeState.ARMED, alert.decided_at, Reason.WITHIN_DISTANCE, alert.evidence, alert)


def recipient(number: int, *, loudness: str = "loud", muted_until: UnixTime | None = None) -> Recipient:
    """Telegram chat `number`; negative numbers are groups."""
    return Recipient(abs(number), "telegram", str(number), loudness, muted_until)


@dataclass
class FakeClock:
    at: UnixTime = 1_795_392_000.0

    def now(self) -> UnixTime:
        return self.at


class FakeNotifier:
    """Remembers what it was given. `answers` (or one address's own) are raised first, one for each call."""

    def __init__(self, *answers: Exception, latency_s: float = 0.0) -> None:
        self.answers = deque(answers)
        self.answers_to: defaultdict[str, deque[Exception]] = defaultdict(deque)
        self.down: Exception | None = None
        self.latency_s = latency_s
        self.attempts: list[tuple[float, str]] = []
        """(loop time, address) of every call."""
        self.sent: list[tuple[float, str, Message]] = []

    async def send(self, address: str, message: Message) -> str:
        at = asyncio.get_running_loop().time()
        self.attempts.append((at, address))
        await asyncio.sleep(self.latency_s)
        answers = self.answers_to[address] or self.answers
        if self.down is not None:
            raise self.down
        if answers:
            raise answers.popleft()
        self.sent.append((at, address, message))
        return str(len(self.sent))

    def texts(self, address: str) -> list[str]:
        return [message.plain for _, to, message in self.sent if to == address]


@dataclass
class FakeDatabase:
    """Outbox, DecisionStore, AlertReader, and the addresses of chats, in memory."""

    subscribers: list[Recipient] = field(default_factory=list)
    batch: int = 500
    refusing: bool = False
    """Nothing can be written."""
    unreadable: bool = False
    poisoned: set[str] = field(default_factory=set)
    """Ids of alerts that can never be written."""
    decisions: list[Decision] = field(default_factory=list)
    alerts: dict[str, Alert] = field(default_factory=dict)
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    settled_at: dict[int, float] = field(default_factory=dict)
    """Loop time of the last outcome, by delivery id."""
    results: dict[str, EpisodeState] = field(default_factory=dict)
    """How alerts turned out, by alert id."""
    moves: list[tuple[str, str, str]] = field(default_factory=list)
    dead: list[int] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    # ports.DecisionStore

    async def record(self, decisions: Sequence[Decision]) -> None:
        self._write("recording decisions")
        if any(isinstance(each, Transition) and each.alert and each.alert.id in self.poisoned for each in decisions):
            raise RowRefused("recording decisions failed on fake: a value that no column takes")
        self.decisions += [decision for decision in decisions if decision not in self.decisions]
        for decision in decisions:
            if isinstance(decision, Transition) and decision.alert is not None:
                self.alerts.setdefault(decision.alert.id, decision.alert)

    async def record_notice(self, alert: Alert) -> None:
        self._write("recording a notice")
        self.alerts.setdefault(alert.id, alert)

    # ports.Outbox and its adopt

    async def fan_out(self, alert: Alert, now: UnixTime) -> bool:
        self._write("fan-out")
        told = {delivery.chat_id for delivery in self.deliveries.values() if delivery.alert.id == alert.id}
        audience = await self.recipients(alert, now)
        missing = [each for each in audience if each.chat_id not in told]
        for each in missing[: self.batch]:
            self._add(alert, each, now)
        if len(missing) <= self.batch:
            self.done.add(alert.id)
        return alert.id in self.done

    async def unfinished(self) -> tuple[Alert, ...]:
        self._read("reading unfinished alerts")
        return tuple(alert for alert in self.alerts.values() if alert.id not in self.done)

    async def due(self, now: UnixTime, limit: int, exclude: Sequence[int] = ()) -> tuple[Delivery, ...]:
        self._read("reading deliveries")
        due = [each for each in self._unsettled() if each.due_at <= now and each.id not in set(exclude)]
        return tuple(sorted(due, key=lambda each: (each.due_at, each.id))[:limit])

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        if not outcomes:
            return
        self._write("storing outcomes")
        for outcome in outcomes:
            self._settle(outcome)

    async def adopt(self, delivery: Delivery, outcome: Outcome) -> None:
        self._write("storing an outcome")
        assert delivery.alert.id in self.alerts
        id_ = len(self.deliveries) + 1
        self.deliveries[id_] = replace(delivery, id=id_, recorded=True)
        self._settle(replace(outcome, delivery_id=id_))

    async def next_due_at(self) -> UnixTime | None:
        self._read("reading deliveries")
        return min((each.due_at for each in self._unsettled()), default=None)

    async def recipients(self, alert: Alert, now: UnixTime) -> tuple[Recipient, ...]:
        self._read("reading recipients")
        return tuple(
            each
            for each in self.subscribers
            if each.loudness != "off" and (each.muted_until is None or each.muted_until <= now)
        )

    # the part of ports.ChatStore that answers change

    async def migrate(self, channel: str, old_address: str, new_address: str) -> None:
        self._write("moving a chat")
        self.moves.append((channel, old_address, new_address))
        for id_, each in self.deliveries.items():
            if each.address == old_address:
                self.deliveries[id_] = replace(each, address=new_address)

    async def mark_dead(self, chat_id: int, now: UnixTime) -> None:
        self._write("marking a chat dead")
        self.dead.append(chat_id)

    # ports.AlertReader

    async def recent(self, limit: int, *, chat_id: int | None = None, kind: str | None = None) -> tuple[AlertRow, ...]:
        return tuple(AlertRow(alert, None, ()) for alert in list(self.alerts.values())[:limit])

    async def why(self, alert_id: str) -> AlertRow | None:
        self._read("reading an alert")
        alert = self.alerts.get(alert_id)
        if alert is None:
            return None
        episode = near_transition(alert, self.results.get(alert_id)).episode if alert.zone is not None else None
        return AlertRow(alert, episode, ())

    # what tests ask and say

    def add_alerts(self, *alerts: Alert) -> None:
        """As the recorder would."""
        self.alerts.update({alert.id: alert for alert in alerts})

    def status(self, alert_id: str, address: str) -> DeliveryStatus:
        [found] = [e for e in self.deliveries.values() if (e.alert.id, e.address) == (alert_id, address)]
        return found.status

    def statuses(self) -> list[DeliveryStatus]:
        return [delivery.status for delivery in self.deliveries.values()]

    def _add(self, alert: Alert, to: Recipient, now: UnixTime) -> None:
        id_ = len(self.deliveries) + 1
        self.deliveries[id_] = Delivery(
            id=id_,
            alert=alert,
            chat_id=to.chat_id,
            channel=to.channel,
            address=to.address,
            silent=to.loudness == "silent",
            status=DeliveryStatus.DUE,
            attempts=0,
            created_at=now,
            due_at=now,
        )

    def _settle(self, outcome: Outcome) -> None:
        self.outcomes[outcome.delivery_id] = outcome
        self.settled_at[outcome.delivery_id] = asyncio.get_running_loop().time()
        delivery = self.deliveries[outcome.delivery_id]
        self.deliveries[delivery.id] = replace(
            delivery, status=outcome.status, attempts=outcome.attempts, due_at=outcome.due_at
        )

    def _unsettled(self) -> Iterable[Delivery]:
        open_ = (DeliveryStatus.DUE, DeliveryStatus.LATE)
        return [delivery for delivery in self.deliveries.values() if delivery.status in open_]

    def _write(self, operation: str) -> None:
        if self.refusing:
            raise StorageError(f"{operation} failed on a fake: database or disk is full")

    def _read(self, operation: str) -> None:
        if self.unreadable:
            raise StorageError(f"{operation} failed on a fake: disk I/O error")


def network_error() -> DeliveryError:
    return DeliveryError("Telegram: network unreachable")
