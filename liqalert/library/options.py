"""What the Python classes are given, checked where it is given."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from liqalert.library.clusters import StrengthScale

if TYPE_CHECKING:
    from liqalert.core.terms import Terms

WhenBlind: TypeAlias = Literal["warn", "raise", "ignore"]
"""What an answer does while the feed is not proven alive."""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """How clusters are cut, with the ranges of settings.example.toml. Raises ValueError for what lies outside."""

    window_pct: float
    """A fraction, as in the old scripts: 0.02 is 2 %."""
    min_size: int
    decay_minutes: float
    update_s: float = 5.0
    scale: StrengthScale = "absolute"

    def __post_init__(self) -> None:
        within("cluster_window_pct", self.window_pct, 0.001, 0.1, "it is a fraction, 0.02 for 2 %")
        within("min_cluster_size", self.min_size, 1, 1000, "it is a number of liquidations")
        within("time_decay_minutes", self.decay_minutes, 1, 1440, "minutes after which 37 % are left")
        within("update_interval", self.update_s, 0.1, 60, "it is in seconds")
        one_of("strength", self.scale, get_args(StrengthScale))

    def terms(self) -> Terms:
        """The engine's terms."""
        from liqalert.core.terms import Terms

        return Terms(
            window_pct=self.window_pct * 100.0,
            decay_s=self.decay_minutes * 60.0,
            min_events=self.min_size,
            rebuild_s=self.update_s,
        )


def within(name: str, value: object, low: float, high: float, what: str) -> None:
    """Raises ValueError unless `value` is a number from `low` to `high`."""
    if not isinstance(value, Real) or not low <= float(value) <= high:
        raise ValueError(f"{name} is {value!r}: give {low:g} to {high:g} ({what})")


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}: give one of {', '.join(map(repr, allowed))}")


def positive(name: str, value: float, most: float = math.inf) -> float:
    """`value` as a float. Raises ValueError unless it is finite, above 0 and at most `most`."""
    number = math.nan
    with suppress(TypeError, ValueError, OverflowError):
        number = float(value)
    if not 0.0 < number < math.inf:
        raise ValueError(f"{name} is {value!r}: give a number above 0")
    if number > most:
        raise ValueError(f"{name} is {value!r}: give one of at most {most:g}")
    return number
