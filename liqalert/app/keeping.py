"""How it stands with what is to be kept: what waits for the database, and what had to be given up."""

from __future__ import annotations

from liqalert.app.candles import CandleDesk
from liqalert.app.parts import Delivering, Stores
from liqalert.ports import StorageError
from liqalert.storage.disk import free_bytes
from liqalert.web.metrics_storage import StorageFigures


def storage_figures(stores: Stores, delivering: Delivering, candles: CandleDesk, *, writable: bool) -> StorageFigures:
    """From memory, but for one question to the file system."""
    journal, recorder, unrecorded = stores.journal, delivering.recorder, delivering.sender.unrecorded
    try:
        free = free_bytes(stores.database.path)
    except StorageError:
        free = None
    waiting = {
        "liquidations": journal.waiting,
        "gaps": journal.waiting_gaps,
        "candles": candles.waiting,
        "decisions": recorder.waiting,
        "alerts": len(unrecorded),
    }
    dropped = {
        "liquidations": journal.dropped,
        "gaps": journal.dropped_gaps,
        "candles": candles.dropped,
        "decisions": recorder.dropped + recorder.unwritable,
        "alerts": unrecorded.dropped,
    }
    return StorageFigures(writable, free, tuple(waiting.items()), tuple(dropped.items()))


def waiting_phrase(figures: StorageFigures) -> str | None:
    """Like `3 liquidations and 1 decision wait in memory`; None while nothing waits for a database that refuses."""
    words = _listed(figures.waiting)
    return None if figures.writable or not words else f"waiting in memory: {words}"


def dropped_sentence(figures: StorageFigures) -> str | None:
    """What will never be in the database; None when nothing is missing there."""
    words = _listed(figures.dropped)
    return f"The database did not take everything. Given up since the start: {words}." if words else None


def _listed(counts: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in counts if count)
