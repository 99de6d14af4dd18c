"""Quiet hours: local times of day in an IANA zone, across midnight and the days on which clocks change. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from liqalert.core.market import UnixTime
from liqalert.ports import QuietHours


def quiet_until(hours: QuietHours, now: UnixTime) -> UnixTime | None:
    """When the quiet hours end that `now` lies in; None outside of them. Equal start and end: never quiet.

    A time of day that a change of clocks skips counts as the moment of the change; of one that comes twice, quiet
    begins at the first and ends at the second.
    """
    if hours.start == hours.end:
        return None
    zone = ZoneInfo(hours.zone_name)
    today = datetime.fromtimestamp(now, zone).date()
    for day in (today - timedelta(days=1), today):
        begins = _moment(day, hours.start, zone, second=False)
        last_day = day if hours.end > hours.start else day + timedelta(days=1)
        ends = _moment(last_day, hours.end, zone, second=True)
        if begins <= now < ends:
            return ends
    return None


def _moment(day: date, minutes: int, zone: ZoneInfo, *, second: bool) -> UnixTime:
    local = datetime.combine(day, time(minutes // 60, minutes % 60), zone)
    if _is_skipped(local):
        # Read with the offset before the change, such a time lies as far behind the change as it is after it.
        before = local.replace(fold=0).utcoffset() or timedelta()
        after = local.replace(fold=1).utcoffset() or timedelta()
        return _change(local.replace(tzinfo=UTC).timestamp() - max(before, after).total_seconds(), zone)
    return local.replace(fold=1 if second else 0).timestamp()


def _is_skipped(local: datetime) -> bool:
    return local.astimezone(UTC).astimezone(local.tzinfo).replace(fold=0) != local.replace(fold=0)


def _change(before: UnixTime, zone: ZoneInfo) -> UnixTime:
    """The first whole minute from `before` on, within a day, at which the zone's offset is another."""
    offset = datetime.fromtimestamp(before, zone).utcoffset()
    at = before
    while datetime.fromtimestamp(at, zone).utcoffset() == offset and at < before + 86_400.0:
        at += 60.0
    return at
