"""From what the stream brings to what callbacks are told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from liqalert.library.callbacks import Callbacks, LiveLiquidation, OnClusters
from liqalert.library.clusters import Clusters, moment

if TYPE_CHECKING:
    from liqalert.core.engine import Snapshot
    from liqalert.core.market import Instrument, Liquidation


class Telling:
    """Implements watch.Listener. Called in the stream's thread: what takes time is left to the callbacks' own."""

    def __init__(self, callbacks: Callbacks, shown: Callable[[Instrument, Snapshot], Clusters]) -> None:
        self._callbacks = callbacks
        self._shown = shown

    def liquidated(self, liquidation: Liquidation) -> None:
        if not self._callbacks.on_liquidation:
            return
        told = LiveLiquidation(
            symbol=liquidation.instrument.symbol,
            side="long" if liquidation.liquidated == "long" else "short",
            price=liquidation.price,
            quantity=liquidation.quantity,
            notional_usd=liquidation.notional_usd,
            time=moment(liquidation.event_time),
        )
        for callback in self._callbacks.on_liquidation:
            self._callbacks.put(partial(callback, told))

    def rebuilt(self, before: Snapshot, after: Snapshot) -> None:
        if not self._callbacks.on_clusters:
            return
        owners = {*before.sides, *after.sides}
        changed = {owner[0] for owner in owners if before.sides.get(owner) is not after.sides.get(owner)}
        for instrument in sorted(changed):
            for callback in self._callbacks.on_clusters:
                self._callbacks.put(partial(self._tell, callback, instrument, after))

    def _tell(self, callback: OnClusters, instrument: Instrument, picture: Snapshot) -> object:
        return callback(instrument.symbol, self._shown(instrument, picture))
