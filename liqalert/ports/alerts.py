"""Alerts read back: how they turned out, who was told, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from liqalert.core.alerts import Alert
from liqalert.core.episodes import Episode, Transition
from liqalert.core.market import FeedStatus, Gap, Instrument, UnixTime
from liqalert.core.outcomes import Members, TrackRecord
from liqalert.ports.deliveries import DeliveryStatus


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that a channel was asked to deliver. `error` None: it did."""

    at: UnixTime
    error: str | None


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """What /why and the API show of a delivery."""

    channel: str
    address: str
    status: DeliveryStatus
    attempts: int
    at: UnixTime
    error: str | None = None
    history: tuple[Attempt, ...] = ()
    """Filled by `why` only, oldest first."""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert with how it turned out and who was told."""

    alert: Alert
    episode: Episode | None
    deliveries: tuple[DeliveryRow, ...]
    transitions: tuple[Transition, ...] = ()
    """Filled by `why` only, oldest first."""
    members: Members | None = None
    """Filled by `why` only; None where the journal no longer has them."""
    gaps: tuple[Gap, ...] = ()
    """Filled by `why` only: those of the exchange that touch the two hours before the alert, oldest first."""
    more: Mapping[str, int] = field(default_factory=dict)
    """How many deliveries there are beyond those listed, by status."""

    def with_running(self, feeds: Iterable[FeedStatus]) -> AlertRow:
        """With the gaps that had begun before the alert and last still: they are written when they end."""
        instrument, decided_at = self.alert.instrument, self.alert.decided_at
        exchange = instrument.exchange if instrument else None
        known = (gap for feed in feeds if feed.exchange == exchange for gap in feed.gaps)
        return replace(self, gaps=(*self.gaps, *(gap for gap in known if gap.end is None and gap.start < decided_at)))


class AlertOutcomes(Protocol):
    """Reads alerts without who was told of them: what that costs does not grow with the chats. Raises StorageError."""

    async def recent_outcomes(self, limit: int, *, instrument: Instrument | None = None) -> tuple[AlertRow, ...]:
        """Newest first, of one instrument, each without deliveries; none about liqalert itself."""
        ...


class AlertReader(Protocol):
    """Reads alerts from the database. Raises StorageError."""

    async def recent(
        self,
        limit: int,
        *,
        chat_id: int | None = None,
        kind: str | None = None,
        instrument: Instrument | None = None,
    ) -> tuple[AlertRow, ...]:
        """Newest first; of one chat, of one kind, of one instrument. Without `kind`, none about liqalert itself.

        Each with its first hundred deliveries.
        """
        ...

    async def alert(self, alert_id: str) -> Alert | None:
        """Alone: what that costs does not grow with the chats."""
        ...

    async def why(self, alert_id: str, *, asking: int | None = None) -> AlertRow | None:
        """With all that is known of it; where a chat is `asking`, of the deliveries its own and the first hundred."""
        ...

    async def track_record(self, rule_id: str) -> TrackRecord: ...

    async def episodes_of(self, alert_ids: Sequence[str]) -> Mapping[str, Episode]:
        """By alert id: its episode as it stands; without those that have none."""
        ...


class AlertArchive(AlertOutcomes, AlertReader, Protocol):
    """Both."""
