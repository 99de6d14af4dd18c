"""What is due, from two places between which alerts move."""

from __future__ import annotations

from collections.abc import Sequence

from liqalert.core.market import UnixTime
from liqalert.delivery.intake import Intake
from liqalert.delivery.unrecorded import Unrecorded
from liqalert.ports import Delivery
from tests.delivery.rig import FakeDatabase, chats
from tests.fakes import near_alert


class RecoveringDatabase(FakeDatabase):
    """Takes an alert over from memory while it is being read."""

    unrecorded: Unrecorded

    async def due(self, now: UnixTime, limit: int, exclude: Sequence[int] = ()) -> tuple[Delivery, ...]:
        await self.unrecorded.write("one", self)
        return await super().due(now, limit, exclude)


async def test_an_alert_that_the_database_takes_over_while_it_is_read_is_due_once() -> None:
    alert, unrecorded, database = near_alert("one"), Unrecorded(), RecoveringDatabase()
    database.unrecorded, database.alerts = unrecorded, {alert.id: alert}
    unrecorded.add(alert, chats(1), 1000.0)

    intake = Intake(database, unrecorded, busy=set())
    due = [*await intake.take(1000.0), *await intake.take(1000.0)]

    assert [(each.alert.id, each.recorded) for each in due] == [("one", True)]
