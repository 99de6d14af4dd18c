"""Numbers, times and foreign strings as a trader reads them. Pure."""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from liqalert.core.market import UnixTime


class NumberStyle(StrEnum):
    """Which signs part thousands and decimals. The functions of this module write the first."""

    POINT = "1,234.5"
    COMMA = "1.234,5"

    def price(self, value: float) -> str:
        return self._signs(price(value))

    def price_range(self, low: float, high: float) -> str:
        """`61,000 to 61,500.5`; one price where both read the same."""
        first, last = self.price(low), self.price(high)
        return first if first == last else f"{first} to {last}"

    def percent(self, value: float) -> str:
        return self._signs(percent(value))

    def usd(self, amount: float) -> str:
        return self._signs(usd(amount))

    def strength(self, value: float, calibrated: bool = True) -> str:
        return self._signs(strength(value, calibrated))

    def whole(self, number: int) -> str:
        return self._signs(f"{number:,}")

    def counted(self, number: int, noun: str) -> str:
        return self._signs(counted(number, noun))

    def plain(self, value: float) -> str:
        """As it was given: `0.6`, `1.25`."""
        return self._signs(f"{value:g}")

    def plain_usd(self, amount: float) -> str:
        """As it was given: `1.25M USD`; `1,004,900 USD` where three digits would not hold it."""
        return self.usd(amount) if float(f"{amount:.3g}") == amount else self._signs(f"{amount:,.0f} USD")

    def seconds(self, value: float) -> str:
        """To the hundredth: `0.12 s`. What rounds to nothing has no sign."""
        return self._signs(f"{round(value, 2) + 0.0:.2f} s")

    def plain_percent(self, value: float) -> str:
        """As it was given: `0.855 %`. For what is compared with, which rounding would make another."""
        return f"{self.plain(value)} %"

    def tenths(self, value: float) -> str:
        return self._signs(f"{value:.1f}")

    def a_day(self, alerts: float) -> str:
        return self._signs(a_day(alerts))

    def _signs(self, text: str) -> str:
        return text if self is NumberStyle.POINT else text.translate(_SWAPPED)


NAMED = 3
"""Of many names."""
_SWAPPED = str.maketrans(",.", ".,")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def usd(amount: float) -> str:
    """US dollars in three significant digits: `1.24M USD`, `412k USD`, `950 USD`; cents are not shown."""
    if abs(amount) < 999.5:
        return f"{amount:.0f} USD"
    rounded = float(f"{amount:.3g}")
    power, unit = next((p, u) for p, u in ((9, "B"), (6, "M"), (3, "k")) if abs(rounded) >= 10.0**p)
    scaled = rounded / 10.0**power
    return f"{scaled:,.{max(0, 2 - _exponent(scaled))}f}{unit} USD"


def price(value: float) -> str:
    """A price in six significant digits, never with an exponent: `61,234.5`, `0.00001234`, `1,234,567`."""
    return _plain(value, max(0, 5 - _exponent(value)))


def percent(value: float) -> str:
    """Per cent in two decimals, without trailing zeros: `0.93 %`, `1 %`; below 0.01 one digit that is not zero."""
    return f"{_plain(value, max(2, -_exponent(value)) if value else 2)} %"


def age(seconds: float) -> str:
    """How long ago, in one unit, rounded: `12 s`, `5 min`, `5 h`, `3 d`. Negative counts as 0 s."""
    for unit_s, unit, limit_s in ((1, "s", 59.5), (60, "min", 90 * 60.0), (3600, "h", 48 * 3600.0)):
        if seconds < limit_s:
            return f"{max(0, math.floor(seconds / unit_s + 0.5))} {unit}"
    return f"{math.floor(seconds / 86_400 + 0.5)} d"


def clock_time(at: UnixTime, zone: str, now: UnixTime | None = None) -> str:
    """The local time with its zone: `14:05 UTC`; `22 Nov 14:05 UTC` when that is another local day than `now`.

    `zone` is an IANA name; one that does not exist raises zoneinfo.ZoneInfoNotFoundError.
    """
    where = ZoneInfo(zone)
    local = datetime.fromtimestamp(at, where)
    name = local.tzname() or zone
    # Many zones have no letters of their own; tzdata then names them by their offset alone, like -03.
    name = f"UTC{name}" if name[0] in "+-" else name
    text = f"{local.hour:02}:{local.minute:02} {name}"
    if now is None or datetime.fromtimestamp(now, where).date() == local.date():
        return text
    return f"{local.day} {_MONTHS[local.month - 1]} {text}"


def a_day(alerts: float | None) -> str:
    """`5.2`; below 0.1 one digit that is not zero: few are not none; `-` where it is not known."""
    if alerts is None:
        return "-"
    return f"{alerts:.1f}" if alerts >= 0.1 or not alerts else f"{alerts:.1g}"


def strength(value: float, calibrated: bool = True) -> str:
    """`0.84`; `0.84?` while the open interest that calibrates it is unknown."""
    return f"{value:.2f}{'' if calibrated else '?'}"


def counted(number: int, noun: str) -> str:
    """`1 gap`, `2,000 gaps`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first_few(names: Sequence[str]) -> str:
    """All of a few; of many the first three, and how many more."""
    more = len(names) - NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:NAMED])} and {more} more"


def escape(text: str) -> str:
    """`text` as content of Telegram's HTML, on one line."""
    return escaped(one_line(text))


def escaped(one: str) -> str:
    """The same of what is one line already."""
    if "&" not in one and "<" not in one and ">" not in one:
        return one
    return html.escape(one, quote=False)


def one_line(text: str) -> str:
    """`text` without line breaks, control characters and half surrogate pairs: a foreign string cannot break a layout.

    White space becomes a blank; what cannot be shown becomes U+FFFD. Invisible format characters count as such: they
    can reverse the reading order of what follows.
    """
    # Nearly every text is one already; of all white space only a blank can be printed.
    if text.isprintable() and "  " not in text and text == text.strip():
        return text
    line = " ".join(text.split())
    if line.isprintable():
        return line
    return "".join("\ufffd" if unicodedata.category(char) in ("Cc", "Cf", "Cs") else char for char in line)


def _exponent(value: float) -> int:
    """The power of ten of the first significant digit; 0 for 0."""
    return math.floor(math.log10(abs(value))) if value else 0


def _plain(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
