"""What was let go between pieces that live on goes back to the operating system."""

from __future__ import annotations

import os
from pathlib import Path

from liqalert.app.memory import give_back

PIECE, PIECES = 1000, 60_000


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_what_was_let_go_between_pieces_that_live_on_is_given_back() -> None:
    pieces = [b"x" * PIECE for _ in range(PIECES)]
    # A few live on everywhere among them, and the last keeps the heap from shrinking by itself.
    kept = pieces[::200] + pieces[-1:]
    pieces.clear()
    before = resident_bytes()

    give_back()

    assert before - resident_bytes() > 0.5 * PIECE * PIECES
    assert len(kept) == PIECES // 200 + 1
