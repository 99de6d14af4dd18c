"""Episodes read back: how they stand, which of them are still open, and what a message about one shows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, exists, or_, select

from liqalert.core.alerts import Alert
from liqalert.core.episodes import TOLD, Episode, EpisodeState, Reason
from liqalert.core.market import UnixTime
from liqalert.storage.decisions import episode_from
from liqalert.storage.tables import ALERTS, CLUSTERS, EPISODES, TRANSITIONS

log = logging.getLogger(__name__)

T = TypeVar("T")

GOING_ON = (EpisodeState.ARMED, EpisodeState.NEAR, EpisodeState.TOUCHED, EpisodeState.HELD, EpisodeState.COOLING)


def shown_state(episode: Episode | None) -> EpisodeState | None:
    """What a message about `episode` shows beyond its alert: the outcome, `touched`, or `idle` where its zone was
    rewritten; None as long as there is nothing to add."""
    if episode is None:
        return None
    if episode.outcome is not None:
        return episode.outcome
    return episode.state if episode.state in (EpisodeState.TOUCHED, EpisodeState.IDLE) else None


def read_episodes(connection: Connection, ids: Sequence[str]) -> dict[str, Episode]:
    """By id, as they stand. One whose rule is no longer held is left out: what became of it nobody has looked at."""
    if not ids:
        return {}
    rows = connection.execute(_BY_ID, {"ids": list(ids)}).mappings()
    return {episode.id: episode for episode in readable(rows, episode_from)}


def read_episodes_of(connection: Connection, alert_ids: Sequence[str]) -> dict[str, Episode]:
    """By alert id, as `read_episodes` gives them."""
    query = select(ALERTS.c.id, ALERTS.c.episode_id).where(ALERTS.c.id.in_(alert_ids), ALERTS.c.episode_id.is_not(None))
    rows = connection.execute(query).all()
    episodes = read_episodes(connection, [row.episode_id for row in rows])
    return {row.id: episodes[row.episode_id] for row in rows if row.episode_id in episodes}


def overtaken_at(
    connection: Connection, alert: Alert, just_written: Mapping[str, Episode] = MappingProxyType({})
) -> UnixTime | None:
    """Since when the words of `alert` have no longer been the whole story of its episode; None while they are.

    Episodes in `just_written`, by id, need not be read.
    """
    if alert.episode_id is None:
        return None
    episode = just_written.get(alert.episode_id)
    # One that is idle may have been abandoned, which only its transitions tell.
    if episode is None or episode.state is EpisodeState.IDLE:
        episode = read_episodes(connection, [alert.episode_id]).get(alert.episode_id)
    return episode.since if episode is not None and shown_state(episode) is not None else None


def read_unfinished(connection: Connection) -> tuple[Episode, ...]:
    """Those on live zones that go on, and those that were told of and then interrupted; the newest last."""
    query = (
        select(EPISODES)
        .join(CLUSTERS, CLUSTERS.c.id == EPISODES.c.zone_id)
        .where(CLUSTERS.c.ended_at.is_(None), or_(EPISODES.c.state.in_(GOING_ON), _interrupted()))
        .order_by(EPISODES.c.since, EPISODES.c.id)
    )
    return tuple(readable(connection.execute(query).mappings(), episode_from))


def is_open() -> ColumnElement[bool]:
    """Whoever was told of the episode is still in it: the mark has not left its zone since, nor passed through."""
    over = exists().where(CLUSTERS.c.id == EPISODES.c.zone_id, CLUSTERS.c.ended_at.is_not(None))
    return and_(EPISODES.c.outcome.is_(None), or_(EPISODES.c.state.in_(TOLD), _interrupted() & ~over))


def readable(rows: Iterable[RowMapping], read: Callable[[RowMapping], T]) -> Iterator[T]:
    """What can be read of `rows`: one row of a newer liqalert, or a damaged one, must not stop the others."""
    for row in rows:
        try:
            yield read(row)
        except (msgspec.DecodeError, ValueError) as exc:
            log.error("row cannot be read", extra={"id": row["id"], "error": str(exc)})


def _interrupted() -> ColumnElement[bool]:
    """Told of, then ended by the rewriting of its zone, and no later episode of its rule has begun there."""
    later = EPISODES.alias("later")
    begun_anew = exists().where(
        later.c.zone_id == EPISODES.c.zone_id, later.c.rule_id == EPISODES.c.rule_id, later.c.since > EPISODES.c.since
    )
    told = EPISODES.c.alert_id.is_not(None) & EPISODES.c.outcome.is_(None)
    return and_(EPISODES.c.state == EpisodeState.IDLE, told, _rewritten(), ~begun_anew)


def _rewritten() -> ColumnElement[bool]:
    return exists().where(TRANSITIONS.c.episode_id == EPISODES.c.id, TRANSITIONS.c.reason == Reason.ZONE_REWRITTEN)


_ABANDONED = and_(EPISODES.c.state == EpisodeState.IDLE, EPISODES.c.outcome.is_(None), ~_rewritten())
# Made once: putting it together anew takes longer than running it.
_BY_ID = select(EPISODES).where(EPISODES.c.id.in_(bindparam("ids", expanding=True)), ~_ABANDONED)
