"""From what a client calls an instrument to the instrument."""

from __future__ import annotations

from liqalert.board import Board
from liqalert.core.engine import Snapshot
from liqalert.core.market import Instrument
from liqalert.core.symbols import find, nearest
from liqalert.web.answers import ApiError, shown


def instrument_asked(text: str, board: Board) -> Instrument:
    """The known instrument that `text` names, in any spelling; else ApiError 404 with the nearest names, or with why
    none is known."""
    known = known_instruments(board.snapshot)
    if not known:
        why = " ".join(status.problem for status in board.feeds.values() if status.problem)
        error = f"{shown(text)} cannot be looked up: no feed has delivered a mark yet, see /api/v1/feeds."
        raise ApiError(404, f"{error} {why}".rstrip())
    found = find(text, known)
    if found is None:
        near = tuple(instrument.symbol for instrument in nearest(text, known))
        allowed = near or ("the exchange's symbol, like BTCUSDT",)
        raise ApiError(404, f"{shown(text)} is not known here.", allowed=allowed)
    return found


def known_instruments(snapshot: Snapshot) -> frozenset[Instrument]:
    """Every instrument with a mark, a cluster or a zone."""
    with_clusters = {instrument for instrument, _ in snapshot.sides}
    return frozenset({*snapshot.marks, *with_clusters, *snapshot.zones.instruments()})
