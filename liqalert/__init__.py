"""liqalert: live liquidation clusters of crypto futures, with alerts when price nears a strong one.

As a program: `liqalert --help`. As a library:

    from liqalert import LiveLiquidationHeatmap

    with LiveLiquidationHeatmap() as heatmap:
        heatmap.start_stream(symbols=["BTCUSDT"])
        heatmap.wait_until_live(timeout=30)
        print(heatmap.get_clusters("BTCUSDT"))

LiveLiquidationHeatmap      clusters as they form, streamed by a thread in the background
AsyncLiveLiquidationHeatmap the same in the asyncio loop of a program
LiquidationHunter           the best cluster on price's way, from the stream, a daemon, a recording or a vendor
LiquidationCluster          what they give; to_frame(clusters) makes a table of them

`python -m liqalert.examples` shows them at work, and README.md, section "Python", is the guide.

For those who read the source: imports point down, cli > app > compat, examples > hunter > live > library > settings >
bot, web, feeds, storage, notifiers, sim > pipeline, delivery > board > ports, render > core > clock, logs. `core` is
pure. Start reading at `pipeline.py`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liqalert.hunter import LiquidationHunter
    from liqalert.library.callbacks import LiveLiquidation
    from liqalert.library.clusters import Clusters, LiquidationCluster, to_frame
    from liqalert.library.errors import DataSourceError, NotLiveError, StaleDataWarning, UnknownSymbolError
    from liqalert.library.state import LiveGap, LiveStatus
    from liqalert.live import AsyncLiveLiquidationHeatmap, LiveLiquidationHeatmap

__version__ = "0.1.0"

__all__ = [
    "AsyncLiveLiquidationHeatmap",
    "Clusters",
    "DataSourceError",
    "LiquidationCluster",
    "LiquidationHunter",
    "LiveGap",
    "LiveLiquidation",
    "LiveLiquidationHeatmap",
    "LiveStatus",
    "NotLiveError",
    "StaleDataWarning",
    "UnknownSymbolError",
    "to_frame",
]

_HOMES = {
    "AsyncLiveLiquidationHeatmap": "liqalert.live",
    "Clusters": "liqalert.library.clusters",
    "DataSourceError": "liqalert.library.errors",
    "LiquidationCluster": "liqalert.library.clusters",
    "LiquidationHunter": "liqalert.hunter",
    "LiveGap": "liqalert.library.state",
    "LiveLiquidation": "liqalert.library.callbacks",
    "LiveLiquidationHeatmap": "liqalert.live",
    "LiveStatus": "liqalert.library.state",
    "NotLiveError": "liqalert.library.errors",
    "StaleDataWarning": "liqalert.library.errors",
    "UnknownSymbolError": "liqalert.library.errors",
    "to_frame": "liqalert.library.clusters",
}


def __getattr__(name: str) -> object:
    """Imports a public name when it is first used: `import liqalert` is also what the command starts with."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
