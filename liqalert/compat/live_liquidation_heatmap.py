"""The old name of `liqalert.live`: everything is there, and in `liqalert`."""

from __future__ import annotations

from liqalert.library.clusters import LiquidationCluster
from liqalert.live import LiveLiquidationHeatmap

__all__ = ["LiquidationCluster", "LiveLiquidationHeatmap"]
