"""A fake of the ports that storage implements, for whoever delivers: everything is in memory, nothing is slow."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from liqalert.core.alerts import Alert
from liqalert.core.episodes import Decision, Episode, EpisodeState, Transition, alerts_in
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.outcomes import TrackRecord
from liqalert.delivery import routing
from liqalert.ports import AlertRow, Delivery, DeliveryStatus, FannedOut, Outcome, Recipient, RowRefused
from tests.fake_amendments import FakeAmendments, beyond_alert

UNSETTLED = (DeliveryStatus.DUE, DeliveryStatus.LATE, DeliveryStatus.HELD)
IN_A_LIST = (DeliveryStatus.LATE, DeliveryStatus.HELD)


@dataclass
class FakeDatabase(FakeAmendments):
    """Outbox, Amendments, DecisionStore, what delivery asks of AlertReader, and the addresses of chats, in memory."""

    subscribers: list[Recipient] = field(default_factory=list)
    batch: int = 500
    poisoned: set[str] = field(default_factory=set)
    """Ids of alerts that can never be written."""
    decisions: list[Decision] = field(default_factory=list)
    alerts: dict[str, Alert] = field(default_factory=dict)
    attempts: list[Outcome] = field(default_factory=list)
    """Those that were attempted."""
    settled_at: dict[int, float] = field(default_factory=dict)
    """Loop time of the last outcome, by delivery id."""
    results: dict[str, EpisodeState] = field(default_factory=dict)
    """How alerts turned out, by alert id, where `episodes` does not say."""
    records: dict[str, TrackRecord] = field(default_factory=dict)
    """By rule id."""
    moves: list[tuple[str, str, str]] = field(default_factory=list)
    dead: list[int] = field(default_factory=list)
    done: set[str] = field(default_factory=set)

    # ports.DecisionStore

    async def record(self, decisions: Sequence[Decision]) -> None:
        self._write("recording decisions")
        if any(alert.id in self.poisoned for alert in alerts_in(decisions)):
            raise RowRefused("recording decisions failed on fake: a value that no column takes")
        new = [decision for decision in decisions if decision not in self.decisions]
        self.decisions += new
        for alert in alerts_in(new):
            self.alerts.setdefault(alert.id, alert)
        for decision in new:
            if isinstance(decision, Transition) and decision.episode.alert_id is not None:
                self.move(decision.episode, decision.at)

    async def record_and_fan_out(self, decisions: Sequence[Decision], now: UnixTime) -> FannedOut:
        assert not any(decision in self.decisions for decision in decisions), "only for the first try"
        await self.record(decisions)
        if any(alert.id not in self.done for alert in self.alerts.values() if alert not in alerts_in(decisions)):
            return FannedOut()
        before = set(self.deliveries)
        complete = [await self.fan_out(alert, now) for alert in alerts_in(decisions)]
        made = tuple(each for id_, each in self.deliveries.items() if id_ not in before)
        return FannedOut(made, complete=all(complete))

    async def record_notice(self, alert: Alert) -> None:
        self._write("recording a notice")
        self.alerts.setdefault(alert.id, alert)

    # ports.Outbox and its adopt

    async def fan_out(self, alert: Alert, now: UnixTime) -> bool:
        self._write("fan-out")
        told = {delivery.chat_id for delivery in self.deliveries.values() if delivery.alert.id == alert.id}
        audience = await self.recipients(alert, now)
        missing = [
            (each, route)
            for each in audience
            if each.chat_id not in told and (route := routing.route(alert, each, now)) is not None
        ]
        for each, route in missing[: self.batch]:
            self._add(alert, each, route=route, now=now)
        if len(missing) <= self.batch:
            self.done.add(alert.id)
        return alert.id in self.done

    async def unfinished(self, also: Collection[str] = ()) -> tuple[Alert, ...]:
        self._read("reading unfinished alerts")
        return tuple(alert for alert in self.alerts.values() if alert.id not in self.done or alert.id in also)

    async def due(
        self, now: UnixTime, limit: int, exclude: Sequence[int] = (), *, chat_ids: Collection[int] | None = None
    ) -> tuple[Delivery, ...]:
        self._read("reading deliveries")
        excluded = set(exclude)
        due = [each for each in self._unsettled() if each.due_at <= now and each.id not in excluded]
        due = [each for each in due if chat_ids is None or each.chat_id in chat_ids]
        return tuple(sorted(due, key=lambda each: (each.due_at, each.id))[:limit])

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        if not outcomes:
            return
        self._write("storing outcomes")
        for outcome in outcomes:
            self._settle(outcome)

    async def adopt(self, delivery: Delivery, outcome: Outcome) -> None:
        self._write("storing an outcome")
        assert delivery.alert.id in self.alerts
        found = [each for each in self.deliveries.values() if _whose(each) == _whose(delivery)]
        id_ = found[0].id if found else len(self.deliveries) + 1
        if found and (found[0].attempts or found[0].status not in UNSETTLED):
            return
        self.deliveries[id_] = replace(delivery, id=id_, recorded=True)
        self._settle(replace(outcome, delivery_id=id_))

    async def next_due_at(self) -> UnixTime | None:
        self._read("reading deliveries")
        return min((each.due_at for each in self._unsettled()), default=None)

    async def messages_since(self, since: UnixTime) -> Mapping[int, int]:
        self._read("counting messages")
        sent = [
            each
            for each in self.deliveries.values()
            if each.alert.rule is not None and each.status is DeliveryStatus.SENT
        ]
        named = [each for each in sent if each.message_id and self.outcomes[each.id].at >= since]
        return Counter(chat_id for chat_id, _ in {(each.chat_id, each.message_id) for each in named})

    async def recipients(self, alert: Alert, now: UnixTime) -> tuple[Recipient, ...]:
        self._read("reading recipients")
        if alert.only_chat is not None:
            return tuple(each for each in self.subscribers if each.chat_id == alert.only_chat)
        return tuple(self.subscribers)

    # the part of ports.ChatStore that answers change

    async def migrate(self, channel: str, old_address: str, new_address: str) -> None:
        self._write("moving a chat")
        self.moves.append((channel, old_address, new_address))
        for id_, each in self.deliveries.items():
            if each.address == old_address:
                self.deliveries[id_] = replace(each, address=new_address)

    async def mark_dead(self, chat_id: int, now: UnixTime) -> None:
        self._write("marking a chat dead")
        self.dead.append(chat_id)

    async def revive(self, chat_id: int) -> None:
        self._write("reviving a chat")
        self.dead.remove(chat_id)

    # ports.AlertReader

    async def recent(
        self,
        limit: int,
        *,
        chat_id: int | None = None,
        kind: str | None = None,
        instrument: Instrument | None = None,
    ) -> tuple[AlertRow, ...]:
        self._read("reading alerts")
        found = [alert for alert in self.alerts.values() if instrument in (None, alert.instrument)]
        return tuple(AlertRow(alert, self._episode(alert), ()) for alert in found[:limit])

    async def why(self, alert_id: str) -> AlertRow | None:
        self._read("reading an alert")
        alert = self.alerts.get(alert_id)
        return AlertRow(alert, self._episode(alert), ()) if alert is not None else None

    async def episodes_of(self, alert_ids: Sequence[str]) -> dict[str, Episode]:
        self._read("reading episodes")
        found = {id_: self._episode(self.alerts[id_]) for id_ in alert_ids if id_ in self.alerts}
        return {id_: episode for id_, episode in found.items() if episode is not None}

    async def track_record(self, rule_id: str) -> TrackRecord:
        self._read("reading a track record")
        return self.records.get(rule_id, TrackRecord())

    # what tests ask and say

    def add_alerts(self, *alerts: Alert) -> None:
        """As the recorder would."""
        self.alerts.update({alert.id: alert for alert in alerts})

    def status(self, alert_id: str, address: str) -> DeliveryStatus:
        [found] = [e for e in self.deliveries.values() if (e.alert.id, e.address) == (alert_id, address)]
        return found.status

    def statuses(self) -> list[DeliveryStatus]:
        return [delivery.status for delivery in self.deliveries.values()]

    # details

    def _add(self, alert: Alert, to: Recipient, *, route: routing.Route, now: UnixTime) -> None:
        id_ = len(self.deliveries) + 1
        self.deliveries[id_] = routing.delivery_by(route, alert, to, now, id_=id_)
        if (episode := self.episodes.get(alert.id)) is not None and beyond_alert(episode) is not None:
            self.amend_at[id_] = episode.since

    def _settle(self, outcome: Outcome) -> None:
        self.outcomes[outcome.delivery_id] = outcome
        self.settled_at[outcome.delivery_id] = asyncio.get_running_loop().time()
        if outcome.attempted:
            self.attempts.append(outcome)
        delivery = self.deliveries[outcome.delivery_id]
        if outcome.status is DeliveryStatus.SENT and delivery.status in IN_A_LIST and not outcome.in_digest:
            self.listed.add(delivery.id)
        self.deliveries[delivery.id] = replace(
            delivery,
            status=outcome.status,
            attempts=outcome.attempts,
            due_at=outcome.due_at,
            message_id=outcome.message_id,
            in_digest=outcome.in_digest,
        )

    def _episode(self, alert: Alert) -> Episode | None:
        if alert.id in self.episodes or alert.rule is None or alert.zone is None or alert.episode_id is None:
            return self.episodes.get(alert.id)
        state = self.results.get(alert.id)
        return Episode(
            alert.episode_id, alert.rule, alert.zone.id, EpisodeState.NEAR, alert.decided_at, alert.id, state
        )

    def _unsettled(self) -> Iterable[Delivery]:
        return [delivery for delivery in self.deliveries.values() if delivery.status in UNSETTLED]


def _whose(delivery: Delivery) -> tuple[str, int]:
    return delivery.alert.id, delivery.chat_id
