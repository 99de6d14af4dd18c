"""What the collector looks through, and memory that nobody uses."""

from __future__ import annotations

import ctypes
import gc
import sys

SELDOM = 1000
"""The collector looks through all that has lived for a while after so many of its middle rounds, and not after ten:
ten to twenty milliseconds that come at any moment. `settle` does it at moments of its own, every hour."""


def settle() -> None:
    """What is there now stays: to look through it again and again would be most of the collector's pauses.

    What stays and comes to refer to itself in a circle later is never given back, so this is for now and then.
    """
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, SELDOM)
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Does what only glibc can, elsewhere nothing. Some ten milliseconds.

    What is let go between pieces that live on stays with the process otherwise, and over weeks it looks like a leak.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
