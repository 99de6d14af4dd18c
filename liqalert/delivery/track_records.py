"""How the last alerts of a rule ended, for the closing line of its next one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from liqalert.core.alerts import Alert
from liqalert.core.outcomes import TrackRecord
from liqalert.delivery.channels import loop_now
from liqalert.ports import AlertReader, StorageError

KEPT_S = 60.0
PATIENCE_S = 1.0
"""An alert does not wait for the database longer than this."""


class TrackRecords:
    """Each rule's is read once a minute, however many chats are told of its alert."""

    def __init__(self, history: AlertReader) -> None:
        self._history = history
        self._known: dict[str, tuple[float, TrackRecord | None]] = {}
        self._reading = asyncio.Lock()

    def learn(self, records: Mapping[str, TrackRecord]) -> None:
        """They have just been read, by rule id."""
        self._keep({rule_id: (loop_now(), record) for rule_id, record in records.items()})

    async def of(self, alert: Alert) -> TrackRecord | None:
        """None for kinds that have no outcome, and where it cannot be read."""
        if alert.rule is None or alert.episode_id is None:
            return None
        # One after the other: thirty chats that are told at once ask for the same.
        async with self._reading:
            return await self._read(alert.rule.id)

    async def _read(self, rule_id: str) -> TrackRecord | None:
        now = loop_now()
        read_at, record = self._known.get(rule_id, (-KEPT_S, None))
        if now - read_at >= KEPT_S:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    record = await self._history.track_record(rule_id)
            except (StorageError, TimeoutError):
                record = None
            self._keep({rule_id: (now, record)})
        return record

    def _keep(self, read: Mapping[str, tuple[float, TrackRecord | None]]) -> None:
        """They stand in the order in which they were read, so what is to be forgotten comes first."""
        for rule_id in read:
            self._known.pop(rule_id, None)
        self._known.update(read)
        now = loop_now()
        while self._known and now - self._known[oldest := next(iter(self._known))][0] >= KEPT_S:
            del self._known[oldest]
