"""Numbers as Coinglass writes them."""

from __future__ import annotations

import numpy as np

from liqalert.core.market import UnixTime


def milliseconds(at: UnixTime) -> int:
    return round(at * 1000.0)


def cents(usd: float) -> float:
    """US dollars without what floating point adds."""
    return round(usd, 2)


def text(number: float) -> str:
    """All its digits, without an exponent: 0.0000071, 61486."""
    return str(np.format_float_positional(number, trim="-"))


def price(number: float) -> float:
    """To seven digits, as their price axes have it."""
    return float(f"{number:.7g}")
