"""How a rule's last alerts ended, read once a minute."""

from __future__ import annotations

import asyncio

from liqalert.core.outcomes import TrackRecord
from liqalert.delivery.track_records import KEPT_S, TrackRecords
from tests.changing import replace
from tests.fakes import FakeDatabase, near_alert
from tests.virtual_time import START, run


class Counted(FakeDatabase):
    """Counts the readings of each rule."""

    def __init__(self) -> None:
        super().__init__([])
        self.read: list[str] = []

    async def track_record(self, rule_id: str) -> TrackRecord:
        self.read.append(rule_id)
        return TrackRecord(held=len(self.read))


def test_each_rule_is_read_once_a_minute_and_forgotten_after_it() -> None:
    history, alert = Counted(), near_alert("a", START)
    assert alert.rule is not None
    other = replace(alert, rule=replace(alert.rule, min_strength=0.7))
    records = TrackRecords(history)

    async def main() -> list[TrackRecord | None]:
        at_once = [await records.of(each) for each in (alert, other, alert)]
        await asyncio.sleep(KEPT_S - 1.0)
        within = await records.of(other)
        await asyncio.sleep(1.0)
        return [*at_once, within, await records.of(alert)]

    found = run(main())

    assert found == [TrackRecord(held=number) for number in (1, 2, 1, 2, 3)]
    assert len(records._known) == 1
