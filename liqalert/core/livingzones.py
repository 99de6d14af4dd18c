"""The living zones, by instrument and by side. Part of the zone book; it alone changes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from liqalert.core.baselines import Owner
from liqalert.core.candidates import ZoneRow, zone_rows
from liqalert.core.market import Instrument
from liqalert.core.zones import Zone


class LivingZones:
    """In the order in which they opened; what is asked for by side is remembered until one of the side's changes."""

    def __init__(self) -> None:
        self._zones: dict[Instrument, dict[str, Zone]] = {}
        self._of_sides: dict[Owner, tuple[Zone, ...]] = {}
        self._rows: dict[Owner, list[ZoneRow]] = {}

    def put(self, zone: Zone) -> None:
        """A new one, or what has become of one."""
        self._zones.setdefault(zone.instrument, {})[zone.id] = zone
        self._forget_side(zone)

    def remove(self, zone: Zone) -> None:
        del self._zones[zone.instrument][zone.id]
        self._forget_side(zone)

    def __iter__(self) -> Iterator[Zone]:
        return (zone for zones in self._zones.values() for zone in zones.values())

    def instruments(self) -> Collection[Instrument]:
        """Those that have zones or had some, in the order of their first."""
        return self._zones.keys()

    def of(self, instrument: Instrument) -> Collection[Zone]:
        zones = self._zones.get(instrument)
        return zones.values() if zones else ()

    def of_side(self, owner: Owner) -> tuple[Zone, ...]:
        known = self._of_sides.get(owner)
        if known is None:
            instrument, liquidated = owner
            known = tuple([zone for zone in self.of(instrument) if zone.liquidated is liquidated])
            self._of_sides[owner] = known
        return known

    def beside(self, zone: Zone) -> tuple[Zone, ...]:
        """Those of its side, itself included."""
        return self.of_side((zone.instrument, zone.liquidated))

    def rows(self, owner: Owner) -> list[ZoneRow]:
        """Those of the side as the candidates are compared with them."""
        known = self._rows.get(owner)
        if known is None:
            known = self._rows[owner] = zone_rows(self.of_side(owner))
        return known

    def _forget_side(self, zone: Zone) -> None:
        owner = (zone.instrument, zone.liquidated)
        self._of_sides.pop(owner, None)
        self._rows.pop(owner, None)
