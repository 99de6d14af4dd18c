"""One browser for all tests of a process, and what it is shown."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from liqalert.core.market import FeedStatus, Mark
from tests.web.browser.reader import launched
from tests.web.browser.stage import Grids
from tests.web.rig import BTC, ETH, NOW, Rig, cluster, snapshot, zone


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as found:
        yield found


@pytest.fixture
def grids() -> Grids:
    return Grids()


@pytest.fixture
def rig(grids: Grids) -> Rig:
    rig = Rig(grids=grids)
    rig.board.snapshot = snapshot(
        cluster(), zones=[zone()], marks=[Mark(BTC, 100.0, NOW, NOW), Mark(ETH, 2000.0, NOW, NOW)]
    )
    rig.board.feed_changed(FeedStatus("binance", alive=True, since=NOW - 100.0, mark_at=NOW))
    return rig
