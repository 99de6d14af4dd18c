from __future__ import annotations

from liqalert.storage.database import Database
from liqalert.storage.starts import StartLedger

T0 = 1_795_392_000.0


async def test_starts_that_did_not_end_in_order_are_known(database: Database) -> None:
    ledger = StartLedger(database)

    assert await ledger.begin(T0) == ()
    await ledger.end(T0 + 1)
    assert await ledger.begin(T0 + 2) == ()
    assert await ledger.begin(T0 + 3) == (T0 + 2,)
    assert await ledger.begin(T0 + 4) == (T0 + 2, T0 + 3)


async def test_who_ends_late_ends_its_own_start(database: Database) -> None:
    """Another one has begun meanwhile."""
    first, second = StartLedger(database), StartLedger(database)
    await first.begin(T0)
    await second.begin(T0 + 1)

    await first.end(T0 + 2)

    assert await StartLedger(database).begin(T0 + 3) == (T0 + 1,)
