from liqalert.ports import Attempt, Delivery, DeliveryStatus, Outcome
from liqalert.storage.alerts import AlertStore
from liqalert.storage.database import Database
from liqalert.storage.outbox import DeliveryOutbox
from tests.storage.objects import T0, alert, near
from tests.storage.subscribers import subscribers


def _outcome(delivery: Delivery, status: DeliveryStatus, due_at: float = T0 + 90) -> Outcome:
    return Outcome(delivery.id, status, delivery.attempts + 1, T0 + 85, due_at)


async def test_every_attempt_is_kept(database: Database, alerts: AlertStore, outbox: DeliveryOutbox) -> None:
    await subscribers(database, 1)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    for at, status, error in ((T0 + 1, DeliveryStatus.DUE, "no route"), (T0 + 2, DeliveryStatus.SENT, None)):
        await outbox.settle([Outcome(1, status, 1, at, at, "9", error, attempted=True)])
    await outbox.settle([Outcome(1, DeliveryStatus.SENT, 2, T0 + 3, T0 + 3, "9")])

    row = await alerts.why("a1")

    assert row is not None
    assert row.deliveries[0].history == (Attempt(T0 + 1, "no route"), Attempt(T0 + 2, None))


async def test_outcomes_decide_what_is_tried_again(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 4)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    sent, dead, late, due = await outbox.due(T0, 9)

    await outbox.settle(
        [
            _outcome(sent, DeliveryStatus.SENT),
            _outcome(dead, DeliveryStatus.DEAD),
            _outcome(late, DeliveryStatus.LATE, due_at=T0 + 50),
            _outcome(due, DeliveryStatus.DUE, due_at=T0 + 40),
        ]
    )

    again = await outbox.due(T0 + 60, 9)
    assert [(one.id, one.status, one.attempts, one.due_at) for one in again] == [
        (4, DeliveryStatus.DUE, 1, T0 + 40),
        (3, DeliveryStatus.LATE, 1, T0 + 50),
    ]
    assert await outbox.next_due_at() == T0 + 40
    assert await outbox.waiting() == (2, T0)
    assert await outbox.counts() == {"due": 1, "sent": 1, "late": 1, "held": 0, "dead": 1}
    assert await outbox.counts((DeliveryStatus.LATE, DeliveryStatus.HELD)) == {"late": 1, "held": 0}


async def test_what_is_held_for_quiet_hours_does_not_wait_to_be_sent(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    """Else it would look stuck all night. A list that has been tried in vain does wait."""
    await subscribers(database, 2)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)

    await outbox.settle([Outcome(id_, DeliveryStatus.HELD, 0, T0, T0 + 8 * 3600.0) for id_ in (1, 2)])
    in_quiet_hours = await outbox.waiting()
    await outbox.settle([Outcome(1, DeliveryStatus.HELD, 1, T0 + 9 * 3600.0, T0 + 10 * 3600.0)])

    assert in_quiet_hours == (0, None)
    assert await outbox.waiting() == (1, T0)


async def test_an_error_that_cannot_be_stored_is_stored_readably(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    [due] = await outbox.due(T0, 1)

    await outbox.settle([Outcome(due.id, DeliveryStatus.DEAD, 1, T0, T0, error="odd \udcff answer")])

    row = await alerts.why("a1")
    assert row is not None
    assert row.deliveries[0].error == "odd ? answer"


async def test_an_attempt_at_a_delivery_that_is_no_more_is_passed_over(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    """Two rows of one chat became one while a message was under way."""
    await subscribers(database, 1)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)
    gone = Outcome(99, DeliveryStatus.SENT, 1, T0 + 1, T0 + 1, "9", attempted=True)
    here = Outcome(1, DeliveryStatus.SENT, 1, T0 + 1, T0 + 1, "8", attempted=True)

    await outbox.settle([gone, here])

    row = await alerts.why("a1")
    assert row is not None
    assert row.deliveries[0].history == (Attempt(T0 + 1, None),)


async def test_what_was_not_attempted_leaves_no_attempt(
    database: Database, alerts: AlertStore, outbox: DeliveryOutbox
) -> None:
    await subscribers(database, 1)
    await alerts.record([near()])
    await outbox.fan_out(alert(), T0)

    await outbox.settle([Outcome(1, DeliveryStatus.DUE, 0, T0 + 1, T0 + 9)])

    row = await alerts.why("a1")
    assert row is not None
    assert row.deliveries[0].history == ()
