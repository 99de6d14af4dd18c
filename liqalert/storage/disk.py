"""How much room there is where the database lies."""

from __future__ import annotations

import shutil
from pathlib import Path

from liqalert.ports import StorageError


def free_bytes(path: Path | None) -> int | None:
    """Free bytes of the file system that holds `path`, or would; as far as this process may use them.

    `path` is `Database.path`: None, and so is the answer, for a server, whose disk is its own affair. The file need not
    exist yet. Raises StorageError when the file system cannot be asked, as after a disk was pulled.
    """
    if path is None:
        return None
    try:
        existing = next(place for place in (path, *path.parents) if place.exists())
        return shutil.disk_usage(existing).free
    except OSError as exc:
        raise StorageError(f"the file system of {path} cannot be asked for its free space: {exc.strerror}") from exc
