"""Whom an alert concerns, from memory: for when the database cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from liqalert.core.alerts import Alert
from liqalert.core.market import UnixTime
from liqalert.core.rules import Rule
from liqalert.delivery.routing import concerns_owner
from liqalert.ports import Held, Member, Recipient, Role, Roster, StorageError
from liqalert.ports.channels import CONSOLE

log = logging.getLogger(__name__)

MOST_MEMBERS = 500
"""As many as one batch of a fan-out, owners first. Whoever is left out is told when the database is back."""


class RememberedAudience:
    """What `refresh` read last. Who has muted or unsubscribed since then may be told all the same."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._members: Sequence[Member] | None = None
        """None before they were read for the first time."""

    @property
    def nobody(self) -> bool:
        """Whether it is known that no chat can be told of anything."""
        return self.channels == frozenset()

    @property
    def channels(self) -> frozenset[str] | None:
        """Over which somebody is told; None where that is not known yet."""
        return None if self._members is None else frozenset(member.chat.channel for member in self._members)

    async def refresh(self) -> None:
        """Keeps what is known when the database refuses."""
        try:
            self._members = await self._roster.members(MOST_MEMBERS)
        except StorageError as exc:
            log.warning("recipients not brought up to date", extra={"reason": str(exc)})

    def recipients(self, alert: Alert, now: UnixTime) -> tuple[Recipient, ...]:
        """As `Outbox.recipients`, but nobody counts as having acknowledged."""
        concerned = (member for member in self._members or () if _concerns(alert, member))
        return tuple(
            Recipient(
                member.chat.id,
                member.chat.channel,
                member.chat.address,
                member.chat.preferences,
                max(_mutes(alert, member, now), default=None),
            )
            for member in concerned
        )


def _concerns(alert: Alert, member: Member) -> bool:
    if alert.only_chat is not None:
        return member.chat.id == alert.only_chat
    if alert.rule is None:
        owner = member.chat.role is Role.OWNER or member.chat.channel == CONSOLE
        return owner if concerns_owner(alert) else not owner and any(not held.stopped for held in member.held)
    rule = alert.rule
    if not any(held.rule.id == rule.id and not held.stopped for held in member.held):
        return False
    # What a chat has said about this very instrument goes before what it said about all.
    return rule.instrument is not None or not any(_says_otherwise(held, rule, alert) for held in member.held)


def _says_otherwise(held: Held, rule: Rule, alert: Alert) -> bool:
    about_it = alert.instrument is not None and held.rule.instrument == alert.instrument
    return about_it and (held.stopped or held.rule.kind == rule.kind)


def _mutes(alert: Alert, member: Member, now: UnixTime) -> Iterator[UnixTime]:
    for held in member.held:
        if alert.rule is not None and held.rule.id == alert.rule.id and held.muted_until is not None:
            yield held.muted_until
    for mute in member.mutes:
        if alert.instrument is not None and mute.instrument in (None, alert.instrument) and mute.until > now:
            yield mute.until
