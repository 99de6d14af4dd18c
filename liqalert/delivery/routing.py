"""Whether one chat is told of one alert, when, and how loudly. Pure; every decision about that is here."""

from __future__ import annotations

from dataclasses import dataclass

from liqalert.core.alerts import ABOUT_LIQALERT, WATCHING, Alert
from liqalert.core.market import UnixTime
from liqalert.core.rules import RuleKind
from liqalert.delivery.quiet import quiet_until
from liqalert.ports import Delivery, DeliveryStatus, Loudness, Preferences, QuietHours, Recipient


@dataclass(frozen=True, slots=True)
class Route:
    """How a delivery begins."""

    status: DeliveryStatus
    """`due`, or `held` until the chat's quiet hours end."""
    silent: bool
    due_at: UnixTime


def concerns_owner(alert: Alert) -> bool:
    """Whether an alert of no rule is for the owner and the console; else it is for all others that are told things."""
    return alert.kind != WATCHING


def route(alert: Alert, recipient: Recipient, now: UnixTime) -> Route | None:
    """How `recipient` is told of `alert`, as of `now`; None: not at all."""
    silent = alert.kind == WATCHING
    if alert.kind not in ABOUT_LIQALERT:
        if recipient.muted_until is not None and now < recipient.muted_until:
            return None
        if recipient.acknowledged and alert.kind == RuleKind.GROWN:
            return None
        loudness = recipient.preferences.loudness_of(alert.kind)
        if loudness is Loudness.OFF:
            return None
        silent = loudness is Loudness.SILENT
    quiet = quieted_by(alert.kind, recipient.preferences)
    quiet_ends = None if quiet is None else quiet_until(quiet, now)
    if quiet_ends is not None:
        return Route(DeliveryStatus.HELD, silent=True, due_at=quiet_ends)
    return Route(DeliveryStatus.DUE, silent=silent, due_at=now)


def quieted_by(kind: str, preferences: Preferences) -> QuietHours | None:
    """The quiet hours in which alerts of `kind` make no sound in a chat; None where there are none."""
    about_liqalert = kind in ABOUT_LIQALERT
    heard = kind != WATCHING if about_liqalert else preferences.loudness_of(kind) is Loudness.ALWAYS
    return None if heard else preferences.quiet


def is_heard(delivery: Delivery, now: UnixTime) -> bool:
    """Whether it makes a sound at `now`, which may be long after it was decided."""
    return not delivery.silent and (delivery.quiet is None or quiet_until(delivery.quiet, now) is None)


def delivery_by(
    way: Route, alert: Alert, recipient: Recipient, now: UnixTime, *, id_: int, recorded: bool = True
) -> Delivery:
    """The delivery that begins so, before anything has been tried."""
    return Delivery(
        id=id_,
        alert=alert,
        chat_id=recipient.chat_id,
        channel=recipient.channel,
        address=recipient.address,
        silent=way.silent,
        status=way.status,
        attempts=0,
        created_at=now,
        due_at=way.due_at,
        numbers=recipient.preferences.numbers,
        quiet=quieted_by(alert.kind, recipient.preferences),
        recorded=recorded,
    )
