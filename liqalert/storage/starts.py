"""When the daemon was started, and whether it ended in order."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from liqalert.core.market import UnixTime
from liqalert.storage.database import Database
from liqalert.storage.tables import STARTS

KEPT = 100


class StartLedger:
    """Calls raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._begun: int | None = None

    async def begin(self, now: UnixTime) -> tuple[UnixTime, ...]:
        """Notes a start. Gives the earlier ones that did not end in order, oldest first."""
        table = STARTS.c
        async with self._database.write("noting the start") as connection:
            newest = select(table.id).order_by(table.id.desc()).limit(KEPT)
            await connection.execute(delete(STARTS).where(table.id.not_in(newest)))
            unclean = select(table.started_at).where(table.ended_at.is_(None)).order_by(table.id)
            found = tuple((await connection.scalars(unclean)).all())
            self._begun = await connection.scalar(insert(STARTS).returning(table.id), {"started_at": now})
            return found

    async def end(self, now: UnixTime) -> None:
        """The start that this one noted ends in order: another may have begun since."""
        async with self._database.write("noting the end") as connection:
            await connection.execute(update(STARTS).where(STARTS.c.id == self._begun).values(ended_at=now))
