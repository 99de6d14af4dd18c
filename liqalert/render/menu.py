"""The menu of /settings: words and buttons, page by page. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from liqalert.core.rules import RuleKind
from liqalert.render.buttons import Rows
from liqalert.render.callbacks import callback_data
from liqalert.render.lines import composed
from liqalert.render.numbers import NumberStyle, escape, first_few
from liqalert.render.text import Text

ACTION = "set"
MAIN, KINDS, DISTANCE, STRENGTH, QUIET, NUMBERS = "main", "kinds", "distance", "strength", "quiet", "numbers"
PAGES = (MAIN, KINDS, DISTANCE, STRENGTH, QUIET, NUMBERS)
DISTANCES = ("0.5", "0.8", "1", "1.5", "2", "3")
STRENGTHS = ("0.3", "0.5", "0.6", "0.7", "0.8", "0.9")
NUMBER_STYLES = {"point": NumberStyle.POINT.value, "comma": NumberStyle.COMMA.value}
LOUDNESS = ("off", "silent", "loud", "always")
QUIET_CHOICES = {"22-07": (22 * 60, 7 * 60), "23-07": (23 * 60, 7 * 60), "00-08": (0, 8 * 60)}
"""From and until when, in minutes since midnight."""

KIND_NAMES = tuple(kind.value for kind in RuleKind)
KIND_WORDS = {
    RuleKind.NEAR: "price nears a zone",
    RuleKind.FORMED: "a zone has formed",
    RuleKind.GROWN: "a zone grows while price is near",
    RuleKind.CASCADE: "unusually many liquidations in a minute",
    RuleKind.LARGE: "one large liquidation",
}


class QuietShown(Protocol):
    """Minutes since local midnight, and the IANA zone."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def zone_name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many alerts thresholds would have given on some instruments."""

    per_day: float
    days: float
    """How many were looked at."""
    symbols: Sequence[str]


@dataclass(frozen=True, slots=True)
class MenuFacts:
    """What holds in a chat now."""

    loudness: Mapping[RuleKind, str]
    distance_pct: float
    min_strength: float
    quiet: QuietShown | None
    numbers: str
    estimate: Estimate | None


@dataclass(frozen=True, slots=True)
class Menu:
    text: Text
    rows: Rows
    """Rows of (label, callback data)."""


def menu(page: str, facts: MenuFacts) -> Menu:
    """One page of the menu; an unknown page is the first."""
    match page:
        case "kinds":
            return _kinds(facts)
        case "distance":
            return _choices(page, facts, DISTANCES, f"{facts.distance_pct:g}", unit=" %")
        case "strength":
            return _choices(page, facts, STRENGTHS, f"{facts.min_strength:g}")
        case "quiet":
            return _quiet(facts)
        case "numbers":
            return _numbers(facts)
        case _:
            return _main(facts)


def quiet_words(quiet: QuietShown | None) -> str:
    """`23:00 to 07:00 Europe/Berlin`, `none`."""
    if quiet is None:
        return "none"
    return f"{_clock(quiet.start)} to {_clock(quiet.end)} {quiet.zone_name}"


def _main(facts: MenuFacts) -> Menu:
    pages = ((KINDS, "What and how loud"), (DISTANCE, "Distance"), (STRENGTH, "Strength"))
    more = ((QUIET, "Quiet hours"), (NUMBERS, "Numbers"))
    rows = tuple(tuple((label, callback_data(ACTION, page)) for page, label in row) for row in (pages, more))
    return Menu(composed(_head(facts)), rows)


def _head(facts: MenuFacts) -> list[str]:
    numbers = NumberStyle(facts.numbers)
    on = [f"{kind} ({loudness})" for kind, loudness in facts.loudness.items() if loudness != "off"]
    distance, strength = numbers.plain_percent(facts.distance_pct), numbers.plain(facts.min_strength)
    lines = [
        "<b>Settings of this chat</b>",
        f"Told: {escape(', '.join(on) or 'nothing')}",
        f"Default distance {distance}, default strength {strength}",
        f"Quiet hours: {escape(quiet_words(facts.quiet))}",
        f"Numbers: {escape(facts.numbers)}",
    ]
    return [*lines, escape(_estimated(facts.estimate, numbers))] if facts.estimate else lines


def _estimated(estimate: Estimate, numbers: NumberStyle) -> str:
    per_day, days = numbers.a_day(estimate.per_day), numbers.tenths(estimate.days)
    return f"About {per_day} near alerts a day on {first_few(estimate.symbols)}, by the last {days} days."


def _kinds(facts: MenuFacts) -> Menu:
    lines = ["<b>What this chat is told, and how loud</b>"]
    lines += [f"• {kind}: {KIND_WORDS[kind]}" for kind in RuleKind]
    lines += ["silent: without a sound; always: with a sound in quiet hours too."]
    rows = tuple(
        tuple((_label(facts, kind, loudness), _set(KINDS, kind, loudness)) for loudness in LOUDNESS)
        for kind in RuleKind
    )
    return Menu(composed(lines), (*rows, _back()))


def _label(facts: MenuFacts, kind: RuleKind, loudness: str) -> str:
    mark = "✓ " if facts.loudness[kind] == loudness else ""
    return mark + (f"{kind} {loudness}" if loudness == "off" else loudness)


def _choices(page: str, facts: MenuFacts, values: tuple[str, ...], current: str, unit: str = "") -> Menu:
    numbers = NumberStyle(facts.numbers)
    buttons = [
        (f"{'✓ ' if value == current else ''}{numbers.plain(float(value))}{unit}", _set(page, value))
        for value in values
    ]
    return Menu(composed(_head(facts)), (tuple(buttons[:3]), tuple(buttons[3:]), _back()))


def _quiet(facts: MenuFacts) -> Menu:
    lines = [
        f"<b>Quiet hours</b>: {escape(quiet_words(facts.quiet))}",
        "Alerts in them come in one silent list when they end, except kinds set to always.",
        "Other hours or another zone: <code>/quiet 23:00-07:00 Europe/Berlin</code>",
    ]
    buttons = tuple((f"{value.replace('-', ':00-')}:00", _set(QUIET, value)) for value in QUIET_CHOICES)
    return Menu(composed(lines), (buttons, (("Off", _set(QUIET, "off")),), _back()))


def _numbers(facts: MenuFacts) -> Menu:
    buttons = tuple(
        (f"{'✓ ' if facts.numbers == style else ''}{style}", _set(NUMBERS, name))
        for name, style in NUMBER_STYLES.items()
    )
    return Menu(composed(["<b>How numbers are written</b>"]), (buttons, _back()))


def _set(page: str, *values: str) -> str:
    return callback_data(ACTION, page, *values)


def _back() -> tuple[tuple[str, str], ...]:
    return (("« Back", callback_data(ACTION, MAIN)),)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
