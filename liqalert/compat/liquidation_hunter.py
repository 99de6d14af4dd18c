"""The old name of `liqalert.hunter`: everything is there, and in `liqalert`."""

from __future__ import annotations

from liqalert.hunter import LiquidationHunter
from liqalert.library.clusters import LiquidationCluster

__all__ = ["LiquidationCluster", "LiquidationHunter"]
