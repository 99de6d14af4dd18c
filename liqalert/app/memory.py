"""Memory that the allocator keeps and nobody uses, given back to the operating system."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Does what only glibc can, elsewhere nothing. Some ten milliseconds.

    What is let go between pieces that live on stays with the process otherwise, and over weeks it looks like a leak.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
