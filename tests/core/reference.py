"""Plain versions of what the core does at once: one side, one window, one event at a time."""

from __future__ import annotations

import bisect
import itertools

Window = tuple[int, int]


def partition(log_prices: list[float], masses: list[float], width: float) -> list[Window]:
    """The heaviest window first, then the heaviest on either side of it; equal weights to the narrower, then lower."""
    upto = [0.0]
    for mass in masses:
        upto.append(upto[-1] + mass)

    def end_of(start: int, right: int) -> int:
        return min(bisect.bisect_right(log_prices, log_prices[start] + width * (1.0 + 1e-12)), right)

    def split(left: int, right: int) -> list[Window]:
        if left == right:
            return []
        windows = [(start, end_of(start, right)) for start in range(left, right)]
        most = max(upto[end] - upto[start] for start, end in windows)
        equal = [each for each in windows if upto[each[1]] - upto[each[0]] >= most * (1.0 - 1e-12)]
        start, end = min(equal, key=lambda each: (log_prices[each[1] - 1] - log_prices[each[0]], each[0]))
        return [*split(left, start), (start, end), *split(end, right)]

    return split(0, len(log_prices))


def band(prices: list[float], masses: list[float]) -> tuple[float, float]:
    """What holds the middle 98 % of the mass."""
    running = list(itertools.accumulate(masses))

    def reached(wanted: float) -> float:
        return next((price for price, mass in zip(prices, running, strict=True) if mass >= wanted), prices[-1])

    return reached(0.01 * running[-1]), reached(0.99 * running[-1])


def heirs(shared: dict[tuple[int, int], float], weights: list[float], ages: list[tuple[float, str]]) -> dict[int, int]:
    """Which new cluster each old one passes its id on to; `ages` are births and ids of the old ones."""
    old_weights: dict[int, float] = {}
    for (old, _), weight in shared.items():
        old_weights[old] = old_weights.get(old, 0.0) + weight
    found: dict[int, int] = {}
    for (old, new), weight in sorted(shared.items(), key=lambda item: (-item[1], *ages[item[0][0]], item[0][1])):
        enough = weight >= 0.5 * min(old_weights[old], weights[new]) * (1.0 - 1e-12)
        if enough and old not in found and new not in found.values():
            found[old] = new
    return found
