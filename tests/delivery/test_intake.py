"""What is due, from two places between which alerts move."""

from __future__ import annotations

from typing import Any

from liqalert.core.alerts import Alert
from liqalert.delivery.intake import Intake
from liqalert.delivery.unrecorded import Unrecorded
from liqalert.ports import Delivery, DeliveryStatus, Outcome
from tests.changing import replace
from tests.delivery.rig import FakeDatabase, chats
from tests.fakes import near_alert


class RecoveringDatabase(FakeDatabase):
    """Takes an alert over from memory while it is being read."""

    unrecorded: Unrecorded

    async def due(self, *asked: Any, **also: Any) -> tuple[Delivery, ...]:
        await self.unrecorded.write("one", self)
        return await super().due(*asked, **also)


async def test_an_alert_that_the_database_takes_over_while_it_is_read_is_due_once() -> None:
    alert, unrecorded, database = near_alert("one"), Unrecorded(), RecoveringDatabase()
    database.unrecorded, database.alerts = unrecorded, {alert.id: alert}
    unrecorded.add(alert, chats(1), 1000.0)

    intake = Intake(database, unrecorded, busy=set())
    due = [*await intake.take(1000.0), *await intake.take(1000.0)]

    assert [(each.alert.id, each.recorded) for each in due] == [("one", True)]


class HesitatingDatabase(FakeDatabase):
    """Gives an alert whose recording has been given up in the meantime: it is about to be told from memory."""

    def __init__(self, unrecorded: Unrecorded, alert: Alert) -> None:
        super().__init__(chats(1))
        self.given_up = False
        self._unrecorded = unrecorded
        self.add_alerts(alert)

    async def due(self, *asked: Any, **also: Any) -> tuple[Delivery, ...]:
        found = await super().due(*asked, **also)
        if self.given_up:
            self._unrecorded.withhold("one")
        return found


async def test_what_comes_to_memory_while_the_outbox_is_read_is_not_taken_from_there() -> None:
    unrecorded = Unrecorded()
    database = HesitatingDatabase(unrecorded, near_alert("one", 1000.0))
    await database.fan_out(database.alerts["one"], 1000.0)
    database.given_up = True

    assert await Intake(database, unrecorded, busy=set()).take(1000.0) == ()


async def test_what_comes_to_memory_while_a_list_is_read_is_not_on_it() -> None:
    unrecorded = Unrecorded()
    database = HesitatingDatabase(unrecorded, near_alert("one", 1000.0))
    await database.fan_out(database.alerts["one"], 1000.0)
    [delivery] = database.deliveries.values()
    database.deliveries[delivery.id] = replace(delivery, status=DeliveryStatus.LATE)
    intake = Intake(database, unrecorded, busy=set())
    assert len(await intake.take(3000.0)) == 1
    database.given_up = True

    assert list(await intake.lists(3000.0)) == []


async def test_what_is_handed_over_is_out_of_reach_meanwhile() -> None:
    unrecorded, seen = Unrecorded(), []

    class Watching(FakeDatabase):
        async def adopt(self, delivery: Delivery, outcome: Outcome) -> None:
            seen.append(unrecorded.alert_ids())
            await super().adopt(delivery, outcome)

    alert, database = near_alert("one"), Watching()
    database.alerts = {alert.id: alert}
    unrecorded.add(alert, chats(1), 1000.0)

    await unrecorded.write("one", database)

    assert seen == [{"one"}]
    assert unrecorded.alert_ids() == frozenset()
