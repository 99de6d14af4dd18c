"""An SQLite file out of the way, whole and under a name that says why and since when. Nothing here deletes."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from liqalert.core.market import UnixTime
from liqalert.ports import StorageError

COMPANIONS = ("-wal", "-journal", "-shm")
"""SQLite's own files beside a database: without its log, a database may lack what was committed last."""

DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is at fault; a lock, or a disk that cannot be read now, says nothing about it."""
    # Extended codes carry the primary one in their lowest byte.
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in DAMAGE


def set_aside(path: Path, why: str, now: UnixTime) -> Path:
    """Renames the database at `path`, its companions with it, to `NAME.WHY-20261127T205500Z`; gives the new path.

    Companions that have lost their database are renamed all the same. Never takes a name that is there already. Raises
    StorageError where renaming is refused.
    """
    kept = _free_name(path, f"{why}-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}")
    try:
        # The file itself last: as long as it has its old name, its log is not mistaken for that of a new one.
        for suffix in (*COMPANIONS, ""):
            present = path.with_name(path.name + suffix)
            if present.exists():
                present.rename(kept.with_name(kept.name + suffix))
        _make_permanent(path.parent)
    except OSError as exc:
        raise StorageError(
            f"{path} cannot be set aside ({exc.strerror}): move it away yourself, {path.name}-wal with it"
        ) from exc
    return kept


def _free_name(path: Path, ending: str) -> Path:
    number, kept = 1, path.with_name(f"{path.name}.{ending}")
    while any(kept.with_name(kept.name + suffix).exists() for suffix in ("", *COMPANIONS)):
        number += 1
        kept = path.with_name(f"{path.name}.{ending}-{number}")
    return kept


def _make_permanent(directory: Path) -> None:
    """A rename outlives a loss of power only once its directory is on disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
