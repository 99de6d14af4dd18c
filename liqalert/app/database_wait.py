"""Waits, at the start, for a database that is away for now: a server that comes up later, a disk without room to read.

Ending instead would leave it to systemd, which gives up after ten quick failures: blind for good, for what passes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from liqalert.app.sdnotify import notify
from liqalert.ports import DatabaseAway, StorageError
from liqalert.storage.database import Database
from liqalert.storage.schema import current_revision

log = logging.getLogger(__name__)

RETRY_S = 5.0
MORE_TIME_US = 60_000_000
"""Asked of systemd each time, on top of what READY may take anyway."""


async def until_there(
    database: Database, stopping: asyncio.Event, environ: Mapping[str, str], *, retry_s: float = RETRY_S
) -> bool:
    """Whether `database` answers; False when the end comes first. Any refusal is an answer but DatabaseAway."""
    waited = False
    while not stopping.is_set():
        try:
            await current_revision(database)
        except DatabaseAway as exc:
            if not waited:
                log.error("waiting for the database", extra={"reason": str(exc)})
            waited = True
            notify(f"EXTEND_TIMEOUT_USEC={MORE_TIME_US}\nSTATUS=waiting for the database: {exc}", environ)
            with suppress(TimeoutError):
                async with asyncio.timeout(retry_s):
                    await stopping.wait()
            continue
        except StorageError:
            # Whoever opens it next says what is wrong, and that it is for a person to mend.
            return True
        if waited:
            log.info("the database is there")
        return True
    return False
