"""The living zones, by instrument and by side, and those that ended. Part of the zone book; it alone changes them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from liqalert.core.baselines import Owner
from liqalert.core.candidates import zone_row
from liqalert.core.clusters import Cluster
from liqalert.core.market import Instrument, UnixTime
from liqalert.core.zones import Zone


class LivingZones:
    """In the order in which they opened. What it gives shows what comes later, too: nobody keeps it."""

    def __init__(self) -> None:
        self._zones: dict[Instrument, dict[str, Zone]] = {}
        self._of_sides: dict[Owner, tuple[dict[str, Zone], dict[str, bytes]]] = {}
        """With their rows, which are made once a zone and not at each tick."""

    def put(self, zone: Zone) -> None:
        """A new one, or what has become of one."""
        owner = (zone.instrument, zone.liquidated)
        of_side = self._of_sides.get(owner)
        if of_side is None:
            of_side = self._of_sides[owner] = ({}, {})
            self._zones.setdefault(zone.instrument, {})
        zones, rows = of_side
        self._zones[zone.instrument][zone.id] = zones[zone.id] = zone
        rows[zone.id] = zone_row(zone)

    def remove(self, zone: Zone) -> None:
        zones, rows = self._of_sides[zone.instrument, zone.liquidated]
        del self._zones[zone.instrument][zone.id], zones[zone.id], rows[zone.id]

    def __iter__(self) -> Iterator[Zone]:
        return (zone for zones in self._zones.values() for zone in zones.values())

    def instruments(self) -> Collection[Instrument]:
        """Those that have zones or had some, in the order of their first."""
        return self._zones.keys()

    def of(self, instrument: Instrument) -> Collection[Zone]:
        zones = self._zones.get(instrument)
        return zones.values() if zones else ()

    def of_side(self, owner: Owner) -> Collection[Zone]:
        known = self._of_sides.get(owner)
        return known[0].values() if known else ()

    def beside(self, zone: Zone) -> Collection[Zone]:
        """Those of its side, itself included."""
        return self.of_side((zone.instrument, zone.liquidated))

    def rows(self, owner: Owner) -> Collection[bytes]:
        """Those of the side as the candidates are compared with them."""
        known = self._of_sides.get(owner)
        return known[1].values() if known else ()


class EndedZones:
    """Recently ended: they keep what is left of their clusters from opening the same zone again."""

    def __init__(self, history_s: float) -> None:
        self._history_s = history_s
        self._zones: dict[Owner, list[Zone]] = {}
        self._forgets_at: UnixTime = math.inf
        """None is forgotten before."""

    def put(self, zone: Zone) -> None:
        self._zones.setdefault((zone.instrument, zone.liquidated), []).append(zone)
        self._forgets_at = min(self._forgets_at, zone.peak_at + self._history_s)

    def beside(self, cluster: Cluster) -> Collection[Zone]:
        """Those of its side."""
        return self._zones.get((cluster.instrument, cluster.liquidated), ())

    def forget(self, now: UnixTime) -> bool:
        """Forgets those of which nothing is left. Whether there are any."""
        if now < self._forgets_at:
            return False
        ended, self._zones, self._forgets_at = self._zones, {}, math.inf
        for zones in ended.values():
            for zone in zones:
                if now < zone.peak_at + self._history_s:
                    self.put(zone)
        return True
