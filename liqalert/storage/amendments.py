"""Messages that were sent and whose words are no longer true: found, and written down as brought up to date."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from sqlalchemy import Boolean, Connection, Double, RowMapping, Text, and_, bindparam, case, false, or_, select, update

from liqalert.core.episodes import Decision, Episode, EpisodeState, Reason, Transition
from liqalert.core.market import UnixTime
from liqalert.core.outcomes import Told
from liqalert.ports import Amended, Amendment, DeliveryStatus, ToldDelivery
from liqalert.storage.database import Database
from liqalert.storage.decisions import readable_alert
from liqalert.storage.episodes import read_episodes, shown_state
from liqalert.storage.preferences import preferences_from
from liqalert.storage.tables import ALERTS, CHATS, DELIVERIES

log = logging.getLogger(__name__)

WORTH_TELLING = frozenset({EpisodeState.TOUCHED, EpisodeState.SWEPT, EpisodeState.HELD, EpisodeState.FADED})
GIVEN_UP_AFTER_S = 24 * 3600.0
"""So long after an outcome, or the message if that is later, no further attempt is made."""

Key: TypeAlias = tuple[int, str]
"""A message: the row of its chat, and its id there if it is a digest, else the id of its only delivery."""


def mark_outdated(connection: Connection, decisions: Iterable[Decision]) -> None:
    """Notes which messages the transitions among `decisions` have overtaken. Part of the transaction that records."""
    overtaken = {
        decision.episode.alert_id: decision.at
        for decision in decisions
        if isinstance(decision, Transition) and decision.alert is None and _is_news(decision)
    }
    table = DELIVERIES.c
    for alert_id, at in overtaken.items():
        told = table.alert_id == alert_id, table.status != DeliveryStatus.DEAD, table.final.is_(False)
        connection.execute(update(DELIVERIES).where(*told).values(amend_at=at, amend_attempts=0))


def _is_news(transition: Transition) -> bool:
    episode = transition.episode
    # Of one that has turned out already there is nothing more to tell.
    grown = transition.reason is Reason.ZONE_REWRITTEN and episode.outcome is None
    return episode.alert_id is not None and (episode.state in WORTH_TELLING or grown)


class MessageAmendments:
    """Implements ports.Amendments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def amendments(self, now: UnixTime, limit: int) -> tuple[Amendment, ...]:
        due, rows, episodes = await self._database.read_at_once(
            "reading messages to amend", lambda connection: _read(connection, now, limit)
        )
        messages: dict[Key, list[RowMapping]] = {_key(row): [] for row in due}
        for row in rows:
            messages[_key(row)].append(row)
        found = [_amendment(of_one, episodes) for of_one in messages.values()]
        await self._set_aside([row["id"] for row in rows if readable_alert(row["content"]) is None])
        return tuple(amendment for amendment in found if amendment.deliveries)

    async def settle_amendments(self, amended: Sequence[Amended]) -> None:
        """A delivery whose episode has moved on meanwhile stays due."""
        told = [(each, delivery) for each in amended for delivery in each.amendment.deliveries]
        if not told:
            return
        ids = {delivery.told.episode.id for _, delivery in told if delivery.told.episode is not None}

        def write(connection: Connection) -> None:
            now = read_episodes(connection, sorted(ids))
            connection.execute(_SETTLE, [_settlement(each, delivery, now) for each, delivery in told])

        await self._database.write_at_once("noting amended messages", write)

    async def _set_aside(self, delivery_ids: Sequence[int]) -> None:
        """What cannot be read, a newer liqalert's perhaps, stays as it was sent."""
        if not delivery_ids:
            return
        log.error("alerts in the database cannot be read", extra={"deliveries": list(delivery_ids)})
        change = update(DELIVERIES).where(DELIVERIES.c.id.in_(delivery_ids)).values(final=True, amend_at=None)
        async with self._database.write("setting unreadable alerts aside") as connection:
            await connection.execute(change)


def _read(
    connection: Connection, now: UnixTime, limit: int
) -> tuple[Sequence[RowMapping], Sequence[RowMapping], Mapping[str, Episode]]:
    """What is due, all that those messages tell, and the episodes of that."""
    due = _due(connection, now, limit)
    rows = _rows(connection, due)
    return due, rows, read_episodes(connection, [row["episode_id"] for row in rows if row["episode_id"]])


def _due(connection: Connection, now: UnixTime, limit: int) -> Sequence[RowMapping]:
    """Deliveries in messages that are no longer true, longest due first; several of one digest come more than once."""
    table = DELIVERIES.c
    query = (
        select(table.id, table.chat_id, table.message_id, table.in_digest)
        .join(CHATS, CHATS.c.id == table.chat_id)
        # Not by status: SQLite would then go through all that was ever sent.
        .where(table.amend_at <= now, table.sent_at.is_not(None))
        .where(table.message_id.is_not(None), table.final.is_(False))
        .where(CHATS.c.dead_since.is_(None), CHATS.c.removed_at.is_(None))
        .order_by(table.amend_at, table.id)
        .limit(limit)
    )
    return connection.execute(query).mappings().all()


def _rows(connection: Connection, due: Sequence[RowMapping]) -> Sequence[RowMapping]:
    """All that the messages of `due` tell, by delivery id."""
    table = DELIVERIES.c
    alone = [row["id"] for row in due if not row["in_digest"]]
    digests = {_key(row) for row in due if row["in_digest"]}
    # A message's id is looked for among digests only: the console counts its messages from 1 at every start.
    parts = [
        and_(table.chat_id == chat_id, table.message_id == id_, table.in_digest.is_(True)) for chat_id, id_ in digests
    ]
    query = (
        select(DELIVERIES, CHATS.c.channel, CHATS.c.address, CHATS.c.preferences, ALERTS.c.content, ALERTS.c.episode_id)
        .join(CHATS, CHATS.c.id == table.chat_id)
        .join(ALERTS, ALERTS.c.id == table.alert_id)
        .where(or_(table.id.in_(alone) if alone else false(), *parts))
        .order_by(table.id)
    )
    return connection.execute(query).mappings().all() if due else ()


def _key(row: RowMapping) -> Key:
    return row["chat_id"], row["message_id"] if row["in_digest"] else str(row["id"])


def _amendment(rows: Sequence[RowMapping], episodes: Mapping[str, Episode]) -> Amendment:
    first = rows[0]
    return Amendment(
        chat_id=first["chat_id"],
        channel=first["channel"],
        address=first["address"],
        message_id=first["message_id"],
        sent_at=min(row["sent_at"] for row in rows),
        deliveries=tuple(_told(rows, episodes)),
        in_digest=first["in_digest"],
        attempts=max(row["amend_attempts"] for row in rows),
        numbers=preferences_from(first["preferences"]).numbers,
    )


def _told(rows: Iterable[RowMapping], episodes: Mapping[str, Episode]) -> Iterator[ToldDelivery]:
    for row in rows:
        alert = readable_alert(row["content"])
        if alert is not None:
            episode = episodes.get(row["episode_id"])
            yield ToldDelivery(row["id"], Told(alert, episode), _shown(row["shown"], episode))


def _shown(stored: str | None, episode: Episode | None) -> EpisodeState | None:
    """The very state of `episode` where the message shows all there is to show: an outcome outlives its state."""
    if episode is not None and stored == shown_state(episode):
        return episode.state
    return EpisodeState(stored) if stored else None


def _settlement(amended: Amended, delivery: ToldDelivery, now: Mapping[str, Episode]) -> dict[str, object]:
    episode = delivery.told.episode
    shows = shown_state(episode)
    done = amended.again_at is None
    moved_on = episode is not None and shown_state(now.get(episode.id)) is not shows
    return {
        "b_id": delivery.delivery_id,
        "b_message_id": amended.message_id,
        "b_done": done,
        "b_shown": shows,
        # What has become of the episode meanwhile is told at once; what could not be told, later, or never.
        "b_stays_due": moved_on if done else not _is_too_late(amended, episode),
        "b_again_at": amended.again_at,
    }


def _is_too_late(amended: Amended, episode: Episode | None) -> bool:
    since = max(amended.amendment.sent_at, episode.since if episode else 0.0)
    return amended.again_at is not None and amended.again_at - since > GIVEN_UP_AFTER_S


_DONE, _STAYS_DUE = bindparam("b_done", type_=Boolean), bindparam("b_stays_due", type_=Boolean)
_PENDING = DELIVERIES.c.amend_at.is_not(None) & _STAYS_DUE
_SETTLE = (
    update(DELIVERIES)
    .where(DELIVERIES.c.id == bindparam("b_id"))
    .values(
        message_id=bindparam("b_message_id"),
        shown=case((_DONE, bindparam("b_shown", type_=Text)), else_=DELIVERIES.c.shown),
        amend_at=case(
            (_PENDING & _DONE, DELIVERIES.c.amend_at), (_PENDING, bindparam("b_again_at", type_=Double)), else_=None
        ),
        amend_attempts=case((_PENDING & ~_DONE, DELIVERIES.c.amend_attempts + 1), else_=0),
    )
)
