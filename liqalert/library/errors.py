"""What the Python interface raises and warns of: one sentence that names the thing and the remedy."""

from __future__ import annotations

import sys
import warnings


class NotLiveError(TimeoutError):
    """The feed is not proven alive. What is known may be out of date, and an empty list means nothing."""


class StaleDataWarning(UserWarning):
    """An answer rests on data that may be out of date, because the feed is not proven alive."""


class UnknownSymbolError(ValueError):
    """No such instrument, or one that is not streamed."""


class DataSourceError(RuntimeError):
    """A source of the hunter cannot be read."""


def warn(message: str, category: type[Warning]) -> None:
    """Warns at the line of the script that called liqalert, however deep in liqalert this is."""
    depth, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "liqalert":
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, category, stacklevel=depth)
