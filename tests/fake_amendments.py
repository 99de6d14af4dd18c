"""The part of the fake database that brings messages up to date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from liqalert.core.episodes import Episode, EpisodeState
from liqalert.core.market import UnixTime
from liqalert.core.outcomes import Told
from liqalert.ports import Amended, Amendment, Delivery, DeliveryStatus, Outcome, StorageError, ToldDelivery

GIVEN_UP_AFTER_S = 24 * 3600.0


@dataclass(kw_only=True)
class FakeAmendments:
    """Amendments in memory, and the deliveries that they are about."""

    refusing: bool = False
    """Nothing can be written."""
    unreadable: bool = False
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    """The last one, by delivery id."""
    episodes: dict[str, Episode] = field(default_factory=dict)
    """As they stand now, by alert id."""
    amend_at: dict[int, UnixTime] = field(default_factory=dict)
    """When a delivery's message is to be brought up to date, by delivery id."""
    shown: dict[int, EpisodeState] = field(default_factory=dict)
    amend_attempts: dict[int, int] = field(default_factory=dict)
    amended: list[Amended] = field(default_factory=list)
    listed: set[int] = field(default_factory=set)
    """Deliveries told in a list: such a message stays as it is."""

    async def amendments(self, now: UnixTime, limit: int) -> tuple[Amendment, ...]:
        self._read("reading amendments")
        due = sorted((at, id_) for id_, at in self.amend_at.items() if at <= now and self._amendable(id_))
        messages: dict[tuple[int, str], list[Delivery]] = {}
        for _, id_ in due:
            delivery = self.deliveries[id_]
            messages.setdefault((delivery.chat_id, delivery.message_id or ""), self._of_the_message(delivery))
        return tuple(self._amendment(deliveries) for deliveries in list(messages.values())[:limit])

    async def settle_amendments(self, amended: Sequence[Amended]) -> None:
        self._write("storing amendments")
        self.amended += amended
        for each in amended:
            for told in each.amendment.deliveries:
                self._settle_amendment(told, each)

    def move(self, episode: Episode, at: UnixTime) -> None:
        """The episode of an alert stands differently now: messages about it are to be brought up to date."""
        assert episode.alert_id is not None
        self.episodes[episode.alert_id] = episode
        for delivery in self.deliveries.values():
            if delivery.alert.id == episode.alert_id and beyond_alert(episode) is not None:
                self.amend_at[delivery.id] = at

    def _amendable(self, id_: int) -> bool:
        delivery = self.deliveries[id_]
        return delivery.status is DeliveryStatus.SENT and bool(delivery.message_id) and id_ not in self.listed

    def _of_the_message(self, delivery: Delivery) -> list[Delivery]:
        if not delivery.in_digest:
            return [delivery]
        key = (delivery.chat_id, delivery.message_id)
        return [each for each in self.deliveries.values() if (each.chat_id, each.message_id) == key and each.in_digest]

    def _amendment(self, deliveries: Sequence[Delivery]) -> Amendment:
        first = deliveries[0]
        return Amendment(
            chat_id=first.chat_id,
            channel=first.channel,
            address=first.address,
            message_id=first.message_id or "",
            sent_at=min(self.outcomes[each.id].at for each in deliveries),
            deliveries=tuple(self._told(each) for each in deliveries),
            in_digest=first.in_digest,
            attempts=max(self.amend_attempts.get(each.id, 0) for each in deliveries),
            numbers=first.numbers,
        )

    def _told(self, delivery: Delivery) -> ToldDelivery:
        episode = self.episodes.get(delivery.alert.id)
        shown = self.shown.get(delivery.id)
        if episode is not None and beyond_alert(episode) is shown:
            shown = episode.state
        return ToldDelivery(delivery.id, Told(delivery.alert, episode), shown)

    def _settle_amendment(self, told: ToldDelivery, amended: Amended) -> None:
        id_ = told.delivery_id
        self.deliveries[id_] = replace(self.deliveries[id_], message_id=amended.message_id)
        if amended.again_at is not None:
            since = max(amended.amendment.sent_at, told.told.episode.since if told.told.episode else 0.0)
            if amended.again_at - since > GIVEN_UP_AFTER_S:
                self.amend_at.pop(id_, None)
            elif id_ in self.amend_at:
                self.amend_at[id_] = amended.again_at
                self.amend_attempts[id_] = self.amend_attempts.get(id_, 0) + 1
            return
        if told.told.episode is not None and (state := beyond_alert(told.told.episode)) is not None:
            self.shown[id_] = state
        now = self.episodes.get(told.told.alert.id)
        if now is None or told.told.episode is None or beyond_alert(now) is beyond_alert(told.told.episode):
            self.amend_at.pop(id_, None)
            self.amend_attempts.pop(id_, None)

    def _write(self, operation: str) -> None:
        if self.refusing:
            raise StorageError(f"{operation} failed on a fake: database or disk is full")

    def _read(self, operation: str) -> None:
        if self.unreadable:
            raise StorageError(f"{operation} failed on a fake: disk I/O error")


def beyond_alert(episode: Episode) -> EpisodeState | None:
    """What a message about it shows beyond the alert."""
    if episode.outcome is not None:
        return episode.outcome
    return episode.state if episode.state in (EpisodeState.TOUCHED, EpisodeState.IDLE) else None
