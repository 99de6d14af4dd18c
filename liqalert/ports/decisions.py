"""Decisions on disk, and what a restart takes up from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from liqalert.core.alerts import Alert
from liqalert.core.episodes import Decision, Episode
from liqalert.core.market import Liquidation, UnixTime
from liqalert.core.zones import Zone
from liqalert.ports.deliveries import FannedOut


class DecisionStore(Protocol):
    async def record(self, decisions: Sequence[Decision]) -> None:
        """All of `decisions` in one transaction, in order; writing the same decision again changes nothing.

        Raises StorageError when the database refuses.
        """
        ...

    async def record_and_fan_out(self, decisions: Sequence[Decision], now: UnixTime) -> FannedOut:
        """As `record`, and in the same transaction the deliveries of their alerts as of `now`, as far as they are few.

        Only for the first try: what it has perhaps recorded unawares is not looked for. And only for alerts that have
        not gone out unrecorded: those deliveries must be adopted first (`Outbox`).
        """
        ...

    async def record_notice(self, alert: Alert) -> None:
        """An alert about liqalert itself, which has no rule. Raises StorageError when the database refuses."""
        ...


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restart takes up again from the database."""

    zones: tuple[Zone, ...]
    episodes: tuple[Episode, ...]
    """Of live zones, those not idle."""
    liquidations: tuple[Liquidation, ...]
    """The last 12 decay constants, by event time."""
    ended_zones: tuple[Zone, ...] = ()
    """Zones that ended within the last 12 decay constants: their clusters may still be living."""
    told: tuple[Alert, ...] = ()
    """Alerts of kind `cascade` of the last day: what a running cascade must not tell again."""
