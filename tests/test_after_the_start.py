"""What a start has read for the engine does not stay in memory beside it. The daemon runs in this process."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from liqalert.clock import SystemClock
from liqalert.core.market import Instrument, Liquidation, PositionSide
from liqalert.core.start import Start
from liqalert.storage.database import Database
from liqalert.storage.journal import BatchJournal
from liqalert.storage.schema import migrate
from tests.binance_server import BinanceServer
from tests.telegram_server import TelegramServer
from tests.test_alive_and_unseen import served, until_ready_says

BTC = Instrument("binance", "BTCUSDT")


@pytest.mark.parametrize("records", [False, True], ids=["alone", "with a recording"])
async def test_the_liquidations_of_an_earlier_run_are_kept_once(
    tmp_path: Path, telegram: TelegramServer, records: bool
) -> None:
    recording = tmp_path / "recordings" if records else None
    async with Database(f"sqlite+aiosqlite:///{tmp_path}/liqalert.db") as database:
        await migrate(database)
        journal, now = BatchJournal(database), SystemClock().now()
        journal.liquidated([Liquidation(BTC, PositionSide.LONG, 100.0, 1.0, 100.0, now - 60.0, now - 60.0)])
        await journal.flush()

    before = _starts()
    async with BinanceServer() as binance, served(tmp_path, binance, telegram, "BTCUSDT", recording=recording) as port:
        binance.mark_every(0.1)
        await until_ready_says(port, lambda status, reasons: status == 200)

        starts = [each for each in _starts() if not any(each is other for other in before)]

    assert starts
    assert [each.liquidations for each in starts if each.liquidations] == []
    assert (recording is not None and any(recording.iterdir())) is records


def _starts() -> list[Start]:
    # The daemon freezes what has lived through its start.
    gc.unfreeze()
    return [each for each in gc.get_objects() if isinstance(each, Start)]
