"""Deliveries for those whom an alert concerns, batch by batch. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from types import MappingProxyType

from sqlalchemy import Connection, Integer, bindparam, select, update

from liqalert.core.alerts import Alert
from liqalert.core.episodes import Episode
from liqalert.core.market import UnixTime
from liqalert.delivery.routing import Route, delivery_by, route
from liqalert.ports import Delivery, FannedOut, Recipient
from liqalert.storage.audience import BATCH, read_recipients
from liqalert.storage.database import Database
from liqalert.storage.episodes import overtaken_at
from liqalert.storage.evidence import read_track_record
from liqalert.storage.prepared import Prepared
from liqalert.storage.tables import ALERTS, DELIVERIES

AT_ONCE = 50
"""So many deliveries are made while their alert is recorded: the next decisions wait for that."""


def read_progress(connection: Connection, alert: Alert) -> tuple[bool, int] | None:
    """Whether the fan-out is complete, and the last chat's row that it has dealt with; None: it is not recorded."""
    found = _PROGRESS.rows(connection, {"id": alert.id})
    return (bool(found[0][0]), found[0][1]) if found else None


def note_progress(connection: Connection, alert: Alert, *, done: bool, cursor: int) -> None:
    """As `read_progress` gives it."""
    _NOTE_PROGRESS.run(connection, [{"b_id": alert.id, "b_done": done, "b_cursor": cursor}])


def read_unfinished_fan_outs(connection: Connection, *, most: int) -> dict[str, int]:
    """How far those have come that are not complete, by alert: at most so many."""
    return dict(_UNFINISHED.rows(connection, {"most": most}))


def fan_out(
    database: Database,
    connection: Connection,
    alert: Alert,
    *,
    now: UnixTime,
    after: int,
    limit: int = BATCH,
    just_written: Mapping[str, Episode] = MappingProxyType({}),
) -> tuple[bool, int, Iterable[Delivery]]:
    """Adds deliveries for the next `limit` recipients. Gives how far it has come, which is to be noted: whether those
    were the last, and the chat's row. And what was added, as the outbox would give it, each made when it is read."""
    recipients = read_recipients(connection, alert, now=now, after=after, limit=limit)
    wanted = [(recipient, way) for recipient in recipients if (way := route(alert, recipient, now)) is not None]
    ids: dict[int, int] = {}
    if wanted:
        amend_at = overtaken_at(connection, alert, just_written)
        rows = [delivery_row(alert, each, way, now) | {"amend_at": amend_at} for each, way in wanted]
        insert = database.prepared_insert_new(DELIVERIES, returning=("chat_id", "id"))
        ids = dict(insert.rows_of_each(connection, rows))
    added = (
        delivery_by(way, alert, recipient, now, id_=ids[recipient.chat_id])
        for recipient, way in wanted
        if recipient.chat_id in ids
    )
    return len(recipients) < limit, recipients[-1].chat_id if recipients else after, added


def fan_out_at_once(
    database: Database,
    connection: Connection,
    alerts: Sequence[Alert],
    now: UnixTime,
    *,
    inserted: Set[str],
    begun: Mapping[str, int],
    just_written: Mapping[str, Episode],
) -> FannedOut:
    """Deliveries of `alerts`, in their order, for the first 50 recipients in all: their alerts are being recorded.

    `inserted` are the ids of those that are new, and marked as fanned out; `begun` is how far the others have come that
    are not. `just_written` are the episodes that are being recorded, by id.
    """
    made: list[Delivery] = []
    complete = True
    for alert in alerts:
        cursor = 0 if alert.id in inserted else begun.get(alert.id)
        if cursor is None:
            # Recorded before, and fanned out.
            continue
        room = AT_ONCE - len(made)
        if complete and room > 0:
            complete, cursor, added = fan_out(
                database, connection, alert, now=now, after=cursor, limit=room, just_written=just_written
            )
            made += added
        else:
            complete = False
        if not complete or alert.id not in inserted:
            note_progress(connection, alert, done=complete, cursor=cursor)
    return _briefed(connection, made, complete=complete)


def _briefed(connection: Connection, made: Sequence[Delivery], *, complete: bool) -> FannedOut:
    """With what else is to be known to send `made`."""
    alerts = {each.alert.id: each.alert for each in made}.values()
    rules = {alert.rule.id for alert in alerts if alert.rule is not None and alert.episode_id is not None}
    return FannedOut(
        tuple(made),
        complete,
        records={rule_id: read_track_record(connection, rule_id) for rule_id in rules},
    )


def delivery_row(alert: Alert, recipient: Recipient, way: Route, now: UnixTime) -> dict[str, object]:
    return {
        "alert_id": alert.id,
        "chat_id": recipient.chat_id,
        "silent": way.silent,
        "status": way.status,
        "attempts": 0,
        "created_at": now,
        "due_at": way.due_at,
        "updated_at": now,
    }


_PROGRESS = Prepared(select(ALERTS.c.fanout_done, ALERTS.c.fanout_cursor).where(ALERTS.c.id == bindparam("id")))
_UNFINISHED = Prepared(
    select(ALERTS.c.id, ALERTS.c.fanout_cursor)
    .where(ALERTS.c.fanout_done.is_(False))
    .limit(bindparam("most", type_=Integer))
)
_NOTE_PROGRESS = Prepared(
    update(ALERTS)
    .where(ALERTS.c.id == bindparam("b_id"))
    .values(fanout_done=bindparam("b_done"), fanout_cursor=bindparam("b_cursor"))
)
