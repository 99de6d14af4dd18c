"""The scale of a heatmap: cividis, perceptually uniform and read alike with and without red-green blindness."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
