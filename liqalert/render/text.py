"""Messages in words, in both forms: Telegram's HTML and plain text with the same lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from liqalert.core.alerts import Alert, Evidence
from liqalert.core.episodes import EpisodeState
from liqalert.core.market import PositionSide, UnixTime
from liqalert.core.rules import Rule
from liqalert.core.zones import Zone
from liqalert.render.numbers import age, clock_time, escape, one_line, percent, price, strength, usd

TELEGRAM_LIMIT = 4096
"""Telegram counts after parsing, in units it does not name; we count before, in UTF-16: never less."""
UNWATCHED_AFTER_S = 15.0
LATE_TO_SAY_S = 60.0
"""A message that leaves later than this after its decision says so, because "now" is no longer now."""

_SYMBOL_LIMIT, _SENTENCE_LIMIT = 60, 600
# `&` becomes five characters, so a clipped sentence stays below the limit of a message whatever it holds.


@dataclass(frozen=True, slots=True)
class Text:
    """A text in both forms, line by line the same. Each line of `html` is closed in itself."""

    html: str
    plain: str


@dataclass(frozen=True, slots=True)
class Missed:
    """An alert that came too late to be told as one, and what has become of it since."""

    alert: Alert
    outcome: EpisodeState | None
    """None: not decided yet, or not known."""


def alert_message(alert: Alert, *, zone_name: str, now: UnixTime, recorded: bool = True) -> Text:
    """The message of an alert, a notice or a test, sent at `now`; times in the IANA zone `zone_name`."""
    if alert.zone is not None and alert.evidence is not None and alert.kind != "test":
        lines = list(_alert_lines(alert, alert.zone, alert.evidence, zone_name, now))
    else:
        lines = list(_sentence_lines(alert, zone_name, now))
    if not recorded:
        lines.append(_line("not recorded: database unwritable"))
    return _joined([*lines, _id_line(alert)])


def late_message(missed: Sequence[Missed], *, zone_name: str, now: UnixTime) -> tuple[Text, ...]:
    """One list of what a chat has missed, oldest first, in as few messages as Telegram allows."""
    oldest_first = sorted(missed, key=lambda each: (each.alert.decided_at, each.alert.id))
    count = f"{len(missed)} alert{'' if len(missed) == 1 else 's'}"
    heading = _bold(f"Missed while this chat could not be reached: {count}")
    return split(_joined([heading, *(_missed_line(each, zone_name, now) for each in oldest_first)]))


def split(text: Text, limit: int = TELEGRAM_LIMIT) -> tuple[Text, ...]:
    """`text` in as few parts of at most `limit` as its line ends allow. A line that is too long is cut, unformatted."""
    parts: list[Text] = []
    part: list[Text] = []
    room = limit
    for html, plain in zip(text.html.split("\n"), text.plain.split("\n"), strict=True):
        line = _fitting(Text(html, plain), limit)
        if part and _units(line.html) + 1 > room:
            parts.append(_joined(part))
            part, room = [], limit
        room -= _units(line.html) + (1 if part else 0)
        part.append(line)
    return (*parts, _joined(part))


def headline(alert: Alert) -> str:
    """What happened, where and how far, in one line: `BTCUSDT: 0.93 % from a cluster of liquidated longs`."""
    if alert.zone is None or alert.evidence is None:
        return _clip(alert.text or alert.reason, _SENTENCE_LIMIT)
    return f"{_symbol(alert.zone)}: {_whereabouts(alert.zone, alert.evidence)} a cluster of {_positions(alert.zone)}"


# ---------------------------------------------------------------- the lines of one alert


def _alert_lines(alert: Alert, zone: Zone, evidence: Evidence, zone_name: str, now: UnixTime) -> Iterable[Text]:
    yield _bold(headline(alert))
    if evidence.mark_price is not None and evidence.mark_at is not None:
        yield _line(f"Mark: {price(evidence.mark_price)} at {clock_time(evidence.mark_at, zone_name, now)}")
    yield _line(f"Cluster: {_band(zone)}, {zone.basis}{_direction(zone, evidence)}")
    yield _line(f"Strength: {_strengths(alert, zone, evidence, zone_name, now)}")
    yield _line(f"Liquidated: {usd(zone.notional_usd)} (time-weighted) in {zone.count:,} liquidations")
    if alert.rule is not None:
        yield _line(f"Rule: {_rule(alert.rule)}")
    if evidence.unwatched_s > UNWATCHED_AFTER_S:
        yield _line(f"Happened while liqalert was not watching (down {age(evidence.unwatched_s)})")
    yield from _delay_lines(alert, zone_name, now)


def _sentence_lines(alert: Alert, zone_name: str, now: UnixTime) -> Iterable[Text]:
    """A notice or a test."""
    if alert.kind == "test":
        yield _bold("Test alert: this is only a test, nothing has happened in the market")
    else:
        yield _bold("liqalert notice")
    if alert.text:
        yield _line(_clip(alert.text, _SENTENCE_LIMIT))
    yield _line(f"At {clock_time(alert.decided_at, zone_name, now)}")
    yield from _delay_lines(alert, zone_name, now)


def _delay_lines(alert: Alert, zone_name: str, now: UnixTime) -> Iterable[Text]:
    delay_s = now - alert.decided_at
    if delay_s > LATE_TO_SAY_S:
        yield _line(f"Decided at {clock_time(alert.decided_at, zone_name, now)}, sent {age(delay_s)} later")


def _id_line(alert: Alert) -> Text:
    command = f"/why {alert.id}"
    return Text(f"More: <code>{escape(command)}</code>", f"More: {one_line(command)}")


def _missed_line(missed: Missed, zone_name: str, now: UnixTime) -> Text:
    alert = missed.alert
    parts = [clock_time(alert.decided_at, zone_name, now), headline(alert)]
    if alert.zone is not None:
        parts += [_band(alert.zone), f"outcome: {missed.outcome or 'still open'}"]
    return _line(f"{', '.join(parts)} (/why {alert.id})")


def _whereabouts(zone: Zone, evidence: Evidence) -> str:
    mark = evidence.mark_price
    if mark is None or evidence.distance_pct is None:
        return "near"
    if zone.low <= mark <= zone.high:
        return "inside"
    beyond = zone.outside is not None and (mark > zone.high) is (zone.outside.value == "below")
    return f"{percent(evidence.distance_pct)} {'beyond' if beyond else 'from'}"


def _direction(zone: Zone, evidence: Evidence) -> str:
    """Where the band lies, seen from the mark."""
    mark = evidence.mark_price
    if mark is None or evidence.distance_pct is None or zone.low <= mark <= zone.high:
        return ""
    return f", {percent(evidence.distance_pct)} {'above' if mark < zone.low else 'below'} the mark"


def _strengths(alert: Alert, zone: Zone, evidence: Evidence, zone_name: str, now: UnixTime) -> str:
    calibrated = zone.baseline.calibrated
    then = f"{strength(zone.strength, calibrated)} at {clock_time(zone.peak_at, zone_name, now)}"
    ago = age(alert.decided_at - zone.peak_at)
    return f"{then} ({ago} ago), now {strength(evidence.strength_now, calibrated)}"


def _rule(rule: Rule) -> str:
    scope = _clip(rule.instrument.symbol, _SYMBOL_LIMIT) if rule.instrument else "any symbol"
    return f"{scope} within {percent(rule.distance_pct)}, strength at least {rule.min_strength:g}"


def _positions(zone: Zone) -> str:
    return "liquidated longs" if zone.liquidated is PositionSide.LONG else "liquidated shorts"


def _symbol(zone: Zone) -> str:
    return _clip(zone.instrument.symbol, _SYMBOL_LIMIT)


def _band(zone: Zone) -> str:
    return f"{price(zone.low)} to {price(zone.high)}"


# ---------------------------------------------------------------- both forms at once


def _line(text: str) -> Text:
    return Text(escape(text), one_line(text))


def _bold(text: str) -> Text:
    return Text(f"<b>{escape(text)}</b>", one_line(text))


def _joined(lines: Sequence[Text]) -> Text:
    return Text("\n".join(line.html for line in lines), "\n".join(line.plain for line in lines))


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _fitting(line: Text, limit: int) -> Text:
    if _units(line.html) <= limit:
        return line
    bare = re.sub(r"<[^>]*>", "", line.html)
    # Cut by UTF-16 units, then drop what the cut has torn: half a pair, half an entity.
    cut = bare.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    return Text(re.sub(r"&\w*$", "", cut) + "…", _clip(line.plain, limit // 2))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
