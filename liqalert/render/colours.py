"""The colours of a picture. The scale is cividis: perceptually uniform, and read alike with red-green blindness."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Colour: TypeAlias = tuple[int, int, int]

GROUND: Colour = (11, 14, 20)
INK: Colour = (236, 239, 244)
PALE: Colour = (160, 170, 184)
GAP: Colour = (96, 104, 118)
WARN: Colour = (255, 180, 84)
RISING: Colour = (99, 230, 190)
FALLING: Colour = (229, 153, 247)
LONGS: Colour = (64, 196, 255)
SHORTS: Colour = (255, 138, 90)
SATURATED: Colour = (232, 89, 12)

STEPS = 256
DECADES = 3.0
"""The scale is logarithmic and reaches down to a thousandth of the largest."""
# Ten colours of cividis (Nunez, Anderton and Renslow 2018), equally spaced; between them it is as good as straight.
_STOPS = ("00204d", "00336f", "39486b", "575c6d", "707173", "8a8779", "a69d75", "c4b56c", "e4cf5b", "ffea46")


def scale() -> NDArray[np.uint8]:
    """(256, 3), from little to much."""
    stops = np.array([[int(stop[at : at + 2], 16) for at in (0, 2, 4)] for stop in _STOPS], dtype=np.float64)
    places = np.linspace(0.0, len(stops) - 1.0, STEPS)
    channels = [np.interp(places, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)


def steps(usd: NDArray[np.float64], largest: float) -> NDArray[np.int64]:
    """The place of each amount on the scale; -1 for what is below a thousandth of `largest`."""
    if largest <= 0.0:
        return np.full(usd.shape, -1, dtype=np.int64)
    with np.errstate(divide="ignore"):
        share = 1.0 + np.log10(np.maximum(usd, 0.0) / largest) / DECADES
    placed = np.rint(np.clip(share, 0.0, 1.0) * (STEPS - 1)).astype(np.int64)
    return np.where(share >= 0.0, placed, -1)


def table(*colours: Colour) -> NDArray[np.uint8]:
    return np.array(colours, dtype=np.uint8)
