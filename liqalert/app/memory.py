"""What the collector looks through, and memory that nobody uses."""

from __future__ import annotations

import ctypes
import gc
import sys


def settle() -> None:
    """What is there now stays: to look through it again and again would be most of the collector's pauses.

    What stays and comes to refer to itself in a circle later is never given back, so this is for now and then.
    """
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Does what only glibc can, elsewhere nothing. Some ten milliseconds.

    What is let go between pieces that live on stays with the process otherwise, and over weeks it looks like a leak.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
