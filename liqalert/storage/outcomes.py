"""How attempts at deliveries ended, written down. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    Boolean,
    Connection,
    Double,
    Text,
    and_,
    bindparam,
    case,
    cast,
    distinct,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from liqalert.core.alerts import ABOUT_LIQALERT
from liqalert.core.market import UnixTime
from liqalert.ports import DeliveryStatus, Outcome
from liqalert.storage.database import storable
from liqalert.storage.prepared import Prepared
from liqalert.storage.tables import ALERTS, ATTEMPTS, CHATS, DELIVERIES

SETTLED = (DeliveryStatus.SENT, DeliveryStatus.DEAD)


def store_outcomes(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """At least one. Outcomes of deliveries that are no more change nothing: two rows of one chat may become one."""
    _SETTLE.run(connection, [_result(outcome) for outcome in outcomes])
    made = [_attempt(outcome) for outcome in outcomes if outcome.attempted]
    if made:
        _KEEP_ATTEMPT.run(connection, made)


def count_messages(connection: Connection, since: UnixTime) -> dict[int, int]:
    """By chat, of those that were sent any: how many messages with alerts of rules it has been sent since then; a
    digest counts as one."""
    return dict(connection.execute(_COUNT, {"since": since}).all())


def _result(outcome: Outcome) -> dict[str, object]:
    sent = outcome.status is DeliveryStatus.SENT
    return {
        "b_id": outcome.delivery_id,
        "b_status": outcome.status,
        "b_attempts": outcome.attempts,
        "b_due_at": None if outcome.status in SETTLED else outcome.due_at,
        "b_at": outcome.at,
        "b_message_id": outcome.message_id,
        "b_error": storable(outcome.error) if outcome.error else None,
        "b_in_digest": outcome.in_digest,
        "b_sent_at": outcome.at if sent else None,
        "b_alone": sent and not outcome.in_digest,
        "b_nameless": sent and outcome.message_id is None,
        "b_dead": outcome.status is DeliveryStatus.DEAD,
    }


def _attempt(outcome: Outcome) -> dict[str, object]:
    failure = None if outcome.status is DeliveryStatus.SENT else storable(outcome.error or "")
    return {"b_id": outcome.delivery_id, "b_at": outcome.at, "b_error": failure}


_TOLD_IN_A_LIST = and_(
    bindparam("b_alone", type_=Boolean),
    or_(DELIVERIES.c.status == DeliveryStatus.LATE, DELIVERIES.c.status == DeliveryStatus.HELD),
)
_FINAL = or_(DELIVERIES.c.final, bindparam("b_nameless", type_=Boolean), _TOLD_IN_A_LIST)
_NEVER_AMENDED = or_(_FINAL, bindparam("b_dead", type_=Boolean))
_SETTLE = Prepared(
    update(DELIVERIES)
    .where(DELIVERIES.c.id == bindparam("b_id"))
    .values(
        status=bindparam("b_status"),
        attempts=bindparam("b_attempts"),
        due_at=bindparam("b_due_at"),
        updated_at=bindparam("b_at"),
        message_id=bindparam("b_message_id"),
        error=bindparam("b_error"),
        in_digest=bindparam("b_in_digest"),
        sent_at=bindparam("b_sent_at"),
        final=_FINAL,
        amend_at=case((_NEVER_AMENDED, null()), else_=DELIVERIES.c.amend_at),
    )
)
_KEEP_ATTEMPT = Prepared(
    insert(ATTEMPTS).from_select(
        ["delivery_id", "at", "error"],
        select(DELIVERIES.c.id, bindparam("b_at", type_=Double), bindparam("b_error", type_=Text)).where(
            DELIVERIES.c.id == bindparam("b_id")
        ),
    )
)
# Ids of messages are compared within digests and lists only: the console counts from 1 at every start.
_MESSAGE = case(
    (or_(DELIVERIES.c.in_digest, DELIVERIES.c.final), DELIVERIES.c.message_id),
    else_=cast(DELIVERIES.c.id, Text) + ":",
)
_COUNT = (
    select(DELIVERIES.c.chat_id, func.count(distinct(_MESSAGE)))
    .join(ALERTS, ALERTS.c.id == DELIVERIES.c.alert_id)
    # Names each chat, so that an index leads to its day, and not through all that was ever sent.
    .where(DELIVERIES.c.chat_id.in_(select(CHATS.c.id)))
    .where(DELIVERIES.c.sent_at >= bindparam("since"), ALERTS.c.kind.not_in(ABOUT_LIQALERT))
    .group_by(DELIVERIES.c.chat_id)
)
