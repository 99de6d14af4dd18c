"""Fakes of our ports, which keep the promises of the real ones, and the alerts they carry."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, replace

from liqalert.core.alerts import Alert, Evidence
from liqalert.core.episodes import Episode, EpisodeState, Reason, Transition
from liqalert.core.market import Instrument, PositionSide, UnixTime
from liqalert.core.rules import Rule, RuleKind
from liqalert.core.strength import Baseline
from liqalert.core.zones import Outside, Zone
from liqalert.ports import DeliveryError, Loudness, Message, Preferences, Recipient
from tests.fake_database import FakeDatabase

__all__ = ["FakeDatabase"]

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


def recipient(
    number: int,
    *,
    loudness: str = "loud",
    muted_until: UnixTime | None = None,
    preferences: Preferences | None = None,
    acknowledged: bool = False,
) -> Recipient:
    """Telegram chat `number`; negative numbers are groups. `loudness` is that of the kind near."""
    wanted = preferences or Preferences(loudness=((RuleKind.NEAR, Loudness(loudness)),))
    return Recipient(abs(number), "telegram", str(number), wanted, muted_until, acknowledged)


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
        self.amended: list[tuple[float, str, str, Message, Message]] = []
        """(loop time, address, message id, whole, news) of every amendment that was made."""

    async def send(self, address: str, message: Message) -> str:
        at = await self._attempt(address)
        self.sent.append((at, address, message))
        return str(len(self.sent))

    async def amend(self, address: str, message_id: str, whole: Message, news: Message) -> str:
        at = await self._attempt(address)
        self.amended.append((at, address, message_id, whole, news))
        return message_id

    def texts(self, address: str) -> list[str]:
        return [message.plain for _, to, message in self.sent if to == address]

    async def _attempt(self, address: str) -> float:
        """When it began."""
        at = asyncio.get_running_loop().time()
        self.attempts.append((at, address))
        await asyncio.sleep(self.latency_s)
        answers = self.answers_to[address] or self.answers
        if self.down is not None:
            raise self.down
        if answers:
            raise answers.popleft()
        return at


def network_error() -> DeliveryError:
    return DeliveryError("Telegram: network unreachable")
