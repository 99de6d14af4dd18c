"""From the words of a message to a command and its arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from zoneinfo import available_timezones

from liqalert.core.zones import OPENS_AT_STRENGTH
from liqalert.ports import QuietHours
from liqalert.render.replies import wrong
from liqalert.render.text import Text

LONGEST_SHOWN = 40
NUMBER = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,6})?")
DISTANCE_LIMIT_PCT = 20.0
LONGEST_MUTE_S = 30 * 86_400.0
DURATION = re.compile(r"(?<!\S)([0-9]{1,4})\s*(m|min|minutes?|h|hours?|d|days?)(?!\S)", re.IGNORECASE)
UNITS_S = {"m": 60.0, "h": 3600.0, "d": 86_400.0}
QUIET_EXAMPLE = "/quiet 23:00-07:00 Europe/Berlin"


class CannotAnswer(Exception):
    """A command that makes no sense. `text` says to the person what was wrong, with an example."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.plain)
        self.text = text


@dataclass(frozen=True, slots=True)
class Words:
    """A message that begins with a slash, in parts."""

    command: str
    """Lower case, without slash and bot name."""
    arguments: tuple[str, ...]
    mine: bool
    """Addressed to this bot by name; otherwise, in a group, another bot may be meant."""


@dataclass(frozen=True, slots=True)
class WatchWords:
    """What /watch was asked for; None where the default applies. `scope` is a symbol as typed, or `all`."""

    scope: str
    distance_pct: float | None = None
    min_strength: float | None = None


def words_of(text: str, username: str) -> Words | None:
    """The command in a message; None when it is none, or one for another bot (`/help@other_bot`)."""
    if not text.startswith("/"):
        return None
    first, *arguments = text.split()
    command, _, addressee = first[1:].partition("@")
    if addressee and addressee.lower() != username.lower():
        return None
    return Words(command.lower(), tuple(arguments), mine=bool(addressee))


def watch_words(arguments: tuple[str, ...]) -> WatchWords:
    """SYMBOL|all [DISTANCE%] [STRENGTH]. Raises CannotAnswer."""
    scope, *numbers = re.sub(r"\s+%", "%", " ".join(arguments)).split() or [""]
    if not scope or NUMBER.fullmatch(scope.rstrip("%")):
        raise _wrong("/watch needs a symbol first, or all.")
    distances = [number for number in numbers if number.endswith("%")]
    strengths = [number for number in numbers if not number.endswith("%")]
    if not distances and len(strengths) == 2:
        distances = [strengths.pop(0)]
    if len(distances) > 1 or len(strengths) > 1:
        raise _wrong("/watch takes a symbol, one distance with % and one strength.")
    return WatchWords(
        scope,
        _distance_pct(distances[0]) if distances else None,
        _strength(strengths[0]) if strengths else None,
    )


def mute_words(arguments: tuple[str, ...]) -> list[str]:
    """What /mute is told: a duration is one word, also where it was typed as two (`2 h`)."""
    return DURATION.sub(r"\1\2", " ".join(arguments)).split()


def duration_s(word: str) -> float:
    """`90m`, `2h`, `1day`. Raises CannotAnswer."""
    found = DURATION.fullmatch(word)
    if found is None:
        raise CannotAnswer(wrong(f"{shown(word)} is no duration: give minutes, hours or days.", "/mute 2h"))
    seconds = int(found[1]) * UNITS_S[found[2][0].lower()]
    if not 60.0 <= seconds <= LONGEST_MUTE_S:
        raise CannotAnswer(wrong(f"{shown(word)} must be between 1 minute and 30 days.", "/mute 2h"))
    return seconds


def quiet_words(arguments: tuple[str, ...], zone_name: str) -> QuietHours | None:
    """23:00-07:00 [ZONE], or off (None); `zone_name` where none is given. Raises CannotAnswer."""
    if [word.lower() for word in arguments] == ["off"]:
        return None
    found = re.fullmatch(r"(\d{1,2}):(\d\d)\s*[-–]\s*(\d{1,2}):(\d\d)(?:\s+(\S+))?", " ".join(arguments))
    hours = [int(number) for number in found.groups()[:4]] if found else []
    if found is None or max(hours[0::2]) > 23 or max(hours[1::2]) > 59:
        raise CannotAnswer(wrong("/quiet takes two times of day, or off.", QUIET_EXAMPLE))
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if start == end:
        raise CannotAnswer(wrong("Quiet hours must begin and end at different times.", QUIET_EXAMPLE))
    return QuietHours(start, end, _zone(found[5] or zone_name))


def _zone(name: str) -> str:
    known = {zone.lower(): zone for zone in available_timezones()}
    if name.lower() not in known:
        nearest = get_close_matches(name.lower(), known, n=1)
        meant = f" Do you mean {known[nearest[0]]}?" if nearest else ""
        raise CannotAnswer(wrong(f"{shown(name)} is no time zone.{meant}", QUIET_EXAMPLE))
    return known[name.lower()]


def shown(word: str) -> str:
    """`word`, cut to what is worth repeating."""
    return word if len(word) <= LONGEST_SHOWN else f"{word[:LONGEST_SHOWN]}…"


def _distance_pct(word: str) -> float:
    distance_pct = _number(word.removesuffix("%"), word)
    if not 0.0 < distance_pct <= DISTANCE_LIMIT_PCT:
        raise _wrong(f"The distance {shown(word)} must be above 0 % and at most {DISTANCE_LIMIT_PCT:g} %.")
    return distance_pct


def _strength(word: str) -> float:
    strength = _number(word, word)
    # Zones open at this strength: a rule that asks for less would promise what cannot happen.
    if not OPENS_AT_STRENGTH <= strength < 1.0:
        raise _wrong(
            f"The strength {shown(word)} must be at least {OPENS_AT_STRENGTH:g} and below 1; "
            "a distance is written with %."
        )
    return strength


def _number(digits: str, word: str) -> float:
    if not NUMBER.fullmatch(digits):
        raise _wrong(f"{shown(word)} is not a number.")
    # Rules are equal when their numbers are equal to four decimals; more would make rules that only look the same.
    return round(float(digits.replace(",", ".")), 4)


def _wrong(problem: str) -> CannotAnswer:
    return CannotAnswer(wrong(problem, "/watch BTC 0.8% 0.7"))
